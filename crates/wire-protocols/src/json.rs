//! JSON bodies: awsJson 1.0 and 1.1 and the bodies of restJson1.

mod reader;
mod scanner;
mod writer;

pub use reader::JsonReader;
pub use writer::JsonWriter;
