//! Pictures of graphs: what is drawn, out of a definition in JSON, and the drawing itself. Knows nothing of requests and stores.

mod axes;
mod canvas;
mod definition;
mod font;
mod plot;
mod png;

pub use definition::{Definition, Row};
pub use plot::{Line, draw};
