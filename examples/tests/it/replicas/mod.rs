//! Several `pull` processes that share their positions: kills, pauses and orderly ends, over real sockets.

mod cluster;
mod letters;
mod mistakes;
mod store;
mod takeovers;
