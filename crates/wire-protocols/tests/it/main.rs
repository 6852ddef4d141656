//! The protocols against recorded clients, AWS's published facts, and input that no client sends.

mod bad_input;
mod calls;
mod envelopes;
mod routes;
mod shapes;
mod sigv4;
mod vectors;
