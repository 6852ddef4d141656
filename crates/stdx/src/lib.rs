//! What the standard library lacks for us: an injectable clock, one source of randomness, backoff.
//!
//! **Invariant:** no domain word, no async runtime and no I/O besides reading the clock and the kernel's random source.
#![forbid(unsafe_code)]

pub mod backoff;
pub mod clock;
pub mod random;
