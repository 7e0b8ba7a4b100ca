//! The query client against the simulated account: no trap of the API makes an answer pass for proof that is none.

mod answers;
mod harness;
mod limits;
mod quoting;
mod retries;
mod storage;
mod stream;
