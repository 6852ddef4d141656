//! Snapshots and what is decided from them, and whole rollouts in a world that the test plays.

mod stage;
mod table;
mod world;
