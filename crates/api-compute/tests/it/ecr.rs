//! ECR through its service table: JSON in, JSON out, a state in memory, blobs in a directory of the test.

mod harness;
mod images;
mod layers;
mod lifecycle;
mod repositories;
