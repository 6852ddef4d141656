//! A query as it was understood.

use regex::Regex;

#[derive(Clone, Debug)]
pub struct Query {
    pub(super) commands: Vec<Command>,
}

#[derive(Clone, Debug)]
pub(super) enum Command {
    Fields(Vec<Named>),
    Display(Vec<Named>),
    Filter(Expression),
    Stats { aggregations: Vec<Aggregation>, by: Vec<Named> },
    Sort(Vec<SortKey>),
    Limit(usize),
    Dedup(Vec<Named>),
    Parse { source: Expression, pattern: Regex, names: Vec<String> },
}

/// An expression with the name of its column.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub expression: Expression,
    pub name: String,
}

#[derive(Clone, Debug)]
pub(super) struct SortKey {
    pub expression: Expression,
    pub descending: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Aggregation {
    pub function: Aggregate,
    pub name: String,
}

#[derive(Clone, Debug)]
pub(super) enum Aggregate {
    /// None: of all events.
    Count(Option<Expression>),
    CountDistinct(Expression),
    Sum(Expression),
    Average(Expression),
    Minimum(Expression),
    Maximum(Expression),
    Percentile(Expression, f64),
    Deviation(Expression),
    Earliest(Expression),
    Latest(Expression),
}

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Text(String),
    Number(f64),
    Bool(bool),
    Field(String),
    Call(super::functions::Function, Vec<Expression>),
    /// Milliseconds.
    Bin(i64),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Matches(Box<Expression>, Regex),
    /// A text anywhere in it.
    Contains(Box<Expression>, Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}
