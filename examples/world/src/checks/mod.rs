//! What the oracle looks at when something passes a seam.

mod seams;

pub(crate) use seams::contains;
