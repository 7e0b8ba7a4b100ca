//! The audit against a simulated account.

mod causes;
mod differences;
mod faults;
mod harness;
mod traps;
