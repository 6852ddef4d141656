//! Logs Insights: a language that looks for events, takes fields out of them, and computes from them.
//!
//! A query is a chain of commands. Those up to the first that needs all events (`stats`, `sort`, `limit`, `dedup`) run while events
//! are read; the rest runs over what they leave, which is bounded.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>

mod aggregate;
mod cursor;
mod expression;
mod functions;
mod parse;
mod parser;
mod row;
mod run;
mod syntax;
mod value;

pub use parser::{QueryError, parse};
pub use row::EventRow;
pub use run::{Outcome, Run, RunError};
pub use syntax::Query;
pub use value::Value;

#[cfg(test)]
mod tests;
