//! The dead letters of the program and of the queue.

use std::collections::BTreeSet;
use std::path::Path;

/// A dead letter.
pub(crate) use okta_coralogix_core::dead_letter::DeadLetterRecord as Letter;

use crate::env::{DEAD_LETTERS, Env};

/// Checks the dead letters that the program can read now.
pub(crate) fn check_dead_letters(env: &Env) {
    let letters: Vec<Letter> = {
        let disk = env.disk();
        let files = disk.files().filter(|(path, _)| is_dead_letters(path));
        files.flat_map(|(_, bytes)| read(bytes)).collect()
    };
    env.oracle().check_dead_letters(&letters);
}

/// The events that would be in the dead letters after a power cut.
pub(crate) fn durable_dead_letters(env: &Env) -> BTreeSet<usize> {
    let letters: Vec<_> = {
        let disk = env.disk();
        let files = disk.durable().filter(|(path, _)| is_dead_letters(path));
        files.flat_map(|(_, bytes)| read(bytes)).collect()
    };
    let oracle = env.oracle();
    let indices = letters
        .iter()
        .filter_map(|letter| oracle.dead_letter_events(&letter.bytes));
    indices.flatten().collect()
}

/// Tells the oracle what the queue has moved to its own dead-letter queue.
pub(crate) fn count_queue_dead_letters(env: &Env) {
    let dead = env.simulators.queue.dead();
    let bodies = (0..env.bodies.len()).filter(|number| dead.contains(&env.body(*number)));
    let indices = bodies.flat_map(|number| env.bodies[number].clone());
    let originals = indices.map(|index| env.events[index].original);
    env.oracle().queue_dead_lettered(originals);
}

fn is_dead_letters(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.starts_with(DEAD_LETTERS) && !path.ends_with(".lock")
}

/// The letters of a file; lines that a crash has torn are skipped.
fn read(file: &[u8]) -> Vec<Letter> {
    let lines = file.split(|byte| *byte == b'\n');
    let letters = lines.filter_map(|line| serde_json::from_slice::<Letter>(line).ok());
    letters.collect()
}
