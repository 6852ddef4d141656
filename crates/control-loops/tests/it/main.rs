//! The loops against a store in memory and a node that a test plays.

mod balancers;
mod cleanup_endpoints;
mod deliveries;
mod edge;
mod in_place;
mod installation;
mod life;
mod load_balancing;
mod nat_gateways;
mod network;
mod placement;
mod service;
mod services;
mod spot;
