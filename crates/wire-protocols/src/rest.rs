//! The REST protocols' bindings: labels, query strings, headers and payloads beside the body.

mod body_filter;
mod request;
mod response;
pub mod uri;

pub use request::decode;
pub use response::{Bound, encode};
