//! CBOR bodies (RFC 8949): smithy's rpc-v2-cbor.

mod reader;
mod writer;

pub use reader::CborReader;
pub use writer::CborWriter;
