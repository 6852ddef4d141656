//! The loops against a store in memory and a node that a test plays.

mod alarms;
mod balancers;
mod billing;
mod cleanup_endpoints;
mod deliveries;
mod dual_stack;
mod ecs_events;
mod edge;
mod in_place;
mod installation;
mod life;
mod load_balancing;
mod measure;
mod nat_gateways;
mod network;
mod placement;
mod scaling;
mod scaling_stage;
mod service;
mod services;
mod spot;
