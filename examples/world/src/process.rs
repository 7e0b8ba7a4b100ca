//! One process of a program, from its start to its end, and the steps that it takes.
//!
//! A process is alive until it has ended by itself, was told to end, or was killed at a step. Whatever it does outside its memory is
//! a step first, so that a dead process has no more effect: its futures, spawned tasks included, wait for ever at their next step.

use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;

use crate::env::Env;
use crate::notifier::Notifier;

/// A handle to a process.
#[derive(Clone, Debug)]
pub(crate) struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    number: u32,
    env: Arc<Env>,
    alive: AtomicBool,
    /// Set when it was killed: whether the power went.
    killed: OnceLock<bool>,
    ended: Notifier,
}

impl Process {
    pub(crate) fn start(env: &Arc<Env>) -> Self {
        let number = env.state().processes;
        env.state().processes += 1;
        Self(Arc::new(Inner {
            number,
            env: Arc::clone(env),
            alive: AtomicBool::new(true),
            killed: OnceLock::new(),
            ended: Notifier::default(),
        }))
    }

    pub(crate) fn number(&self) -> u32 {
        self.0.number
    }

    pub(crate) fn env(&self) -> &Arc<Env> {
        &self.0.env
    }

    /// Ends the process: nothing that it does has an effect from now on.
    pub(crate) fn end(&self) {
        self.0.alive.store(false, Ordering::Relaxed);
        self.0.ended.notify();
    }

    /// Takes a step that is an action. Does not return if it is the last one.
    pub(crate) async fn step(&self, what: impl FnOnce() -> String) {
        if !self.is_alive() || self.is_killed_at_next_step(true, what) {
            pending().await
        }
    }

    /// Sleeps. Does not return if the process ends meanwhile.
    pub(crate) async fn sleep(&self, time: Duration) {
        sleep(time).await;
        if !self.is_alive() {
            pending().await
        }
    }

    /// Resolves when the process is killed: true if the power goes.
    pub(crate) async fn killed(&self) -> bool {
        let mut count = 0;
        loop {
            self.0.ended.more_than(count).await;
            if let Some(power) = self.0.killed.get() {
                return *power;
            }
            count = self.0.ended.count();
        }
    }

    /// Resolves when the process has ended in any way.
    pub(crate) async fn ended(&self) {
        self.0.ended.more_than(0).await;
    }

    /// Makes each poll of the program a step too, so that the process can be killed at any await point.
    pub(crate) fn count_polls<F: Future + Unpin>(&self, program: F) -> CountedPolls<F> {
        CountedPolls {
            process: self.clone(),
            program,
        }
    }

    fn is_alive(&self) -> bool {
        self.0.alive.load(Ordering::Relaxed)
    }

    fn is_killed_at_next_step(&self, action: bool, what: impl FnOnce() -> String) -> bool {
        let env = &self.0.env;
        let step = env.faults().next_step(action);
        env.trace(|| format!("{step:>5}  process {}: {}", self.0.number, what()));
        let Some(power) = env.faults().crash(step) else {
            return false;
        };
        env.trace(|| "the process is killed".to_owned());
        // Set once: a process is killed once.
        self.0.killed.set(power).ok();
        self.end();
        true
    }
}

/// A program whose polls are steps.
#[derive(Debug)]
pub(crate) struct CountedPolls<F> {
    process: Process,
    program: F,
}

impl<F: Future + Unpin> Future for CountedPolls<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let poll = || "poll".to_owned();
        if !self.process.is_alive() || self.process.is_killed_at_next_step(false, poll) {
            return Poll::Pending;
        }
        Pin::new(&mut self.program).poll(context)
    }
}
