//! XML bodies: restXml both ways, and the answers of the query protocols.

mod reader;
mod tree;
mod writer;

pub use reader::XmlReader;
pub use tree::Element;
pub use writer::{ListStyle, XmlWriter, escape};
