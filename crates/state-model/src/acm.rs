//! AWS Certificate Manager: certificates that listeners present.

pub mod certificate;

pub use certificate::Certificate;
