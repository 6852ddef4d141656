//! The protocols against recorded clients, AWS's published facts, and input that no client sends.

mod shapes;
mod vectors;
