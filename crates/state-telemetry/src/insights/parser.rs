//! Commands out of a query's text.

use regex::{Regex, RegexBuilder};

use super::cursor::Cursor;
use super::syntax::{Aggregate, Aggregation, Command, Expression, Named, Query, SortKey};
use super::{expression, parse as parse_command};
use crate::limits::{INSIGHTS_COMMANDS_MAX, PATTERN_REGEX_BYTES_MAX};

/// Why a query was refused. Positions are bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    pub message: String,
    pub start: usize,
    pub end: usize,
}

/// Commands that AWS has besides, which are refused by name.
const UNSERVED: [&str; 12] = [
    "pattern",
    "diff",
    "unnest",
    "lookup",
    "unmask",
    "anomaly",
    "filterindex",
    "source",
    "join",
    "expand",
    "flatten",
    "head",
];

pub fn parse(text: &str) -> Result<Query, QueryError> {
    let mut cursor = Cursor::new(text);
    let mut commands = Vec::new();
    loop {
        // Empty commands are nothing, at the ends as well.
        while cursor.eat("|") {}
        if cursor.is_at_end() {
            break;
        }
        if commands.len() >= INSIGHTS_COMMANDS_MAX {
            return Err(cursor.error(format!("a query has at most {INSIGHTS_COMMANDS_MAX} commands")));
        }
        commands.push(command(&mut cursor)?);
        if !cursor.is_at_end() && cursor.peek() != Some('|') {
            return Err(cursor.unexpected());
        }
    }
    if commands.is_empty() {
        return Err(cursor.error("the query has no command"));
    }
    if commands.iter().filter(|command| matches!(command, Command::Stats { .. })).count() > 2 {
        return Err(cursor.error("a query has at most two stats commands"));
    }
    Ok(Query { commands })
}

fn command(cursor: &mut Cursor<'_>) -> Result<Command, QueryError> {
    let begin = *cursor;
    let word = cursor.name().unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "fields" => Ok(Command::Fields(named_list(cursor)?)),
        "display" => Ok(Command::Display(named_list(cursor)?)),
        "filter" | "where" => Ok(Command::Filter(expression::parse(cursor)?)),
        "stats" => stats(cursor),
        "sort" | "order" => sort(cursor),
        "limit" => limit(cursor),
        "dedup" => Ok(Command::Dedup(named_list(cursor)?)),
        "parse" => parse_command::command(cursor),
        other if UNSERVED.contains(&other) => {
            Err(begin.error(format!("the command '{other}' is not supported here")))
        }
        _ => Err(begin.unexpected()),
    }
}

fn named_list(cursor: &mut Cursor<'_>) -> Result<Vec<Named>, QueryError> {
    let mut list = vec![named(cursor)?];
    while cursor.eat(",") {
        list.push(named(cursor)?);
    }
    Ok(list)
}

fn named(cursor: &mut Cursor<'_>) -> Result<Named, QueryError> {
    cursor.skip_space();
    let start = cursor.at();
    let expression = expression::parse(cursor)?;
    let own = match &expression {
        Expression::Field(name) => name.clone(),
        _ => cursor.since(start).to_owned(),
    };
    let name = alias(cursor)?.unwrap_or(own);
    Ok(Named { expression, name })
}

fn alias(cursor: &mut Cursor<'_>) -> Result<Option<String>, QueryError> {
    if !cursor.eat_word("as") {
        return Ok(None);
    }
    cursor.name().map(Some).ok_or_else(|| cursor.unexpected())
}

fn stats(cursor: &mut Cursor<'_>) -> Result<Command, QueryError> {
    let mut aggregations = Vec::new();
    loop {
        cursor.skip_space();
        let start = cursor.at();
        let function = aggregate(cursor)?;
        let own = cursor.since(start).to_owned();
        let name = alias(cursor)?.unwrap_or(own);
        aggregations.push(Aggregation { function, name });
        if !cursor.eat(",") {
            break;
        }
    }
    let by = if cursor.eat_word("by") { named_list(cursor)? } else { Vec::new() };
    Ok(Command::Stats { aggregations, by })
}

fn aggregate(cursor: &mut Cursor<'_>) -> Result<Aggregate, QueryError> {
    let begin = *cursor;
    let name = cursor.name().ok_or_else(|| cursor.unexpected())?.to_ascii_lowercase();
    if !cursor.eat("(") {
        return Err(begin.unexpected());
    }
    if name == "count" {
        let argument = if cursor.eat("*") || cursor.peek() == Some(')') {
            None
        } else {
            Some(expression::parse(cursor)?)
        };
        cursor.expect(")")?;
        return Ok(Aggregate::Count(argument));
    }
    let argument = expression::parse(cursor)?;
    let function = match name.as_str() {
        "count_distinct" => Aggregate::CountDistinct(argument),
        "sum" => Aggregate::Sum(argument),
        "avg" => Aggregate::Average(argument),
        "min" => Aggregate::Minimum(argument),
        "max" => Aggregate::Maximum(argument),
        "median" => Aggregate::Percentile(argument, 50.0),
        "stddev" => Aggregate::Deviation(argument),
        "earliest" => Aggregate::Earliest(argument),
        "latest" => Aggregate::Latest(argument),
        "pct" | "percentile" => {
            cursor.expect(",")?;
            let place = *cursor;
            let percent = cursor.number().ok_or_else(|| cursor.unexpected())?;
            if !(0.0..=100.0).contains(&percent) {
                return Err(place.error("a percentile lies between 0 and 100"));
            }
            Aggregate::Percentile(argument, percent)
        }
        _ => return Err(begin.error(format!("unknown aggregation function '{name}'"))),
    };
    cursor.expect(")")?;
    Ok(function)
}

fn sort(cursor: &mut Cursor<'_>) -> Result<Command, QueryError> {
    cursor.eat_word("by");
    let mut keys = Vec::new();
    loop {
        let expression = expression::parse(cursor)?;
        let descending = cursor.eat_word("desc");
        if !descending {
            cursor.eat_word("asc");
        }
        keys.push(SortKey { expression, descending });
        if !cursor.eat(",") {
            return Ok(Command::Sort(keys));
        }
    }
}

fn limit(cursor: &mut Cursor<'_>) -> Result<Command, QueryError> {
    let place = *cursor;
    let number = cursor.number().filter(|number| number.fract() == 0.0);
    match number {
        Some(number) if (1.0..=f64::from(u32::MAX)).contains(&number) => Ok(Command::Limit(number as usize)),
        _ => Err(place.error("limit takes a whole number of at least 1")),
    }
}

/// Refuses what would take too much memory.
pub(super) fn regex(cursor: &Cursor<'_>, text: &str) -> Result<Regex, QueryError> {
    let built = RegexBuilder::new(text).size_limit(PATTERN_REGEX_BYTES_MAX).build();
    built.map_err(|_| cursor.error("invalid regular expression"))
}
