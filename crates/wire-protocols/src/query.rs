//! Query parameters: the requests of awsQuery and ec2Query.

mod reader;
mod tree;
mod writer;

pub use reader::{Dialect, QueryReader};
pub use tree::{Node, decode_component, form_pairs};
pub use writer::QueryWriter;
