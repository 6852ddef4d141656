//! The loops against a store in memory and a node that a test plays.

mod installation;
mod life;
mod placement;
mod service;
mod services;
mod spot;
