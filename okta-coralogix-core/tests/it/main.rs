//! Behaviour of the core crate.

#![expect(
    clippy::unwrap_used,
    clippy::clone_on_ref_ptr,
    clippy::print_stdout,
    reason = "a test may fail by a panic and show its figures"
)]

mod checkpoint_folder;
mod checkpoint_lock;
mod committer;
mod conformance;
#[cfg(feature = "reqwest")]
mod connections;
mod damaged_checkpoint;
mod dead_letter_targets;
mod fan_out;
mod faulty_disk;
mod file_checkpoint;
mod file_dead_letters;
mod foreign_files;
mod formats;
mod generator;
mod healing;
mod labels;
mod mapping;
mod model;
mod os_disk;
mod page;
mod paged_source;
mod pipeline;
mod pointers;
mod replay;
mod scanner;
mod shared_checkpoint;
mod sinks;
mod soak;
mod stored_letters;
mod stored_window;
mod unknown_saves;
mod verdict;
