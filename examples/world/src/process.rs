//! One process of a program, from its start to its end, and the steps it takes in it.

use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;

use crate::env::Env;
use crate::signal::Signal;

/// A handle to a process. Whatever the program does outside its memory passes through here, so that nothing does any more once it has
/// ended.
#[derive(Clone, Debug)]
pub(crate) struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    number: u32,
    env: Arc<Env>,
    alive: AtomicBool,
    /// Whether the machine went down too, once it was killed.
    killed: OnceLock<bool>,
    ended: Signal,
}

impl Process {
    pub(crate) fn begin(env: &Arc<Env>) -> Self {
        Self(Arc::new(Inner {
            number: env.next_process(),
            env: Arc::clone(env),
            alive: AtomicBool::new(true),
            killed: OnceLock::new(),
            ended: Signal::default(),
        }))
    }

    pub(crate) fn number(&self) -> u32 {
        self.0.number
    }

    pub(crate) fn env(&self) -> &Arc<Env> {
        &self.0.env
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.0.alive.load(Ordering::Relaxed)
    }

    /// From now on nothing the program does has an effect.
    pub(crate) fn end(&self) {
        self.0.alive.store(false, Ordering::Relaxed);
        self.0.ended.send();
    }

    /// One more step. Does not return if it is the last one.
    pub(crate) async fn step(&self, what: impl FnOnce() -> String) {
        if !self.is_alive() || self.dies(true, what) {
            pending().await
        }
    }

    /// Time passes. Does not return if it ends meanwhile.
    pub(crate) async fn pause(&self, time: Duration) {
        sleep(time).await;
        if !self.is_alive() {
            pending().await
        }
    }

    /// Counts a step, and dies if that is planned. True if it has.
    fn dies(&self, action: bool, what: impl FnOnce() -> String) -> bool {
        let env = &self.0.env;
        let number = env.next_step(action);
        env.say(|| format!("{number:>5}  process {}: {}", self.0.number, what()));
        let Some(power) = env.crash_at(number) else {
            return false;
        };
        self.0.alive.store(false, Ordering::Relaxed);
        // Once: it dies one death.
        self.0.killed.set(power).ok();
        self.0.ended.send();
        true
    }

    /// Resolves when it is killed: true if the machine goes down too.
    pub(crate) async fn killed(&self) -> bool {
        let mut times = 0;
        loop {
            self.0.ended.beyond(times).await;
            if let Some(power) = self.0.killed.get() {
                return *power;
            }
            times = self.0.ended.times();
        }
    }

    /// Resolves when it has ended, however that was.
    pub(crate) async fn over(&self) {
        self.0.ended.beyond(0).await;
    }

    /// Counts each turn of the program as a step too, so that it can end at any await point.
    pub(crate) fn counted<F: Future + Unpin>(&self, program: F) -> Counted<F> {
        Counted {
            process: self.clone(),
            program,
        }
    }
}

/// A program whose turns are counted.
#[derive(Debug)]
pub(crate) struct Counted<F> {
    process: Process,
    program: F,
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if !self.process.is_alive() || self.process.dies(false, || "a turn".to_owned()) {
            return Poll::Pending;
        }
        Pin::new(&mut self.program).poll(context)
    }
}
