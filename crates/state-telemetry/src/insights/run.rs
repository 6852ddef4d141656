//! Running a query: events are pushed, rows come out at the end.

use std::collections::HashSet;
use std::sync::Arc;

use super::aggregate::Groups;
use super::row::{EventRow, Row};
use super::syntax::{Command, Named, Query, SortKey};
use super::value::Value;
use crate::limits::{INSIGHTS_RESULT_BYTES_MAX, INSIGHTS_ROWS_MAX};

/// Why a query failed while it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("the query has too many groups")]
    TooManyGroups,
    #[error("the query keeps too many values for percentiles or distinct counts")]
    TooManyValues,
    #[error("the results of the query are too large")]
    ResultTooLarge,
}

/// Names and values of each row.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub rows: Vec<Vec<(String, String)>>,
}

/// A query under way. Push events latest first: what isn't sorted stays in this order.
#[derive(Debug)]
pub struct Run {
    /// Commands that look at one row at a time.
    streamed: Vec<Command>,
    gathered: Gathered,
    /// Commands over what was gathered.
    rest: Vec<Command>,
    /// None: time and message.
    shown: Option<Vec<Arc<str>>>,
    limit: usize,
    pub matched: u64,
    bytes: usize,
}

/// What needs more than one row.
#[derive(Debug)]
enum Gathered {
    Groups(Groups),
    Sorted { keys: Vec<SortKey>, rows: Vec<Row>, max: usize },
    First { rows: Vec<Row>, max: usize },
    Distinct { names: Vec<Named>, seen: HashSet<Vec<Option<String>>>, rows: Vec<Row> },
}

impl Run {
    /// At most `limit` rows, unless the query says otherwise.
    pub fn new(query: &Query, limit: usize) -> Self {
        let is_streamed = |command: &&Command| {
            matches!(
                command,
                Command::Fields(_) | Command::Display(_) | Command::Filter(_) | Command::Parse { .. }
            )
        };
        let limit = limit.min(INSIGHTS_ROWS_MAX);
        let streamed: Vec<Command> = query.commands.iter().take_while(is_streamed).cloned().collect();
        let mut rest = query.commands.iter().skip(streamed.len()).cloned();
        let mut shown = None;
        for command in &streamed {
            note_shown(command, &mut shown);
        }
        let own_limit = query.commands.iter().rev().find_map(|command| match command {
            Command::Limit(max) => Some((*max).min(INSIGHTS_ROWS_MAX)),
            _ => None,
        });
        let limit = own_limit.unwrap_or(limit);
        let blocking = rest.next();
        let rest: Vec<Command> = rest.collect();
        // What follows a sort may still drop rows, unless it only cuts.
        let only_cuts = rest
            .iter()
            .all(|command| matches!(command, Command::Limit(_) | Command::Fields(_) | Command::Display(_)));
        let gathered = match blocking {
            Some(Command::Stats { aggregations, by }) => {
                let groups = Groups::new(&aggregations, &by);
                shown = Some(groups.names());
                Gathered::Groups(groups)
            }
            Some(Command::Sort(keys)) => Gathered::Sorted {
                keys,
                rows: Vec::new(),
                max: if only_cuts { limit } else { INSIGHTS_ROWS_MAX },
            },
            Some(Command::Dedup(names)) => {
                Gathered::Distinct { names, seen: HashSet::new(), rows: Vec::new() }
            }
            Some(Command::Limit(max)) => {
                Gathered::First { rows: Vec::new(), max: max.min(INSIGHTS_ROWS_MAX) }
            }
            _ => Gathered::First { rows: Vec::new(), max: limit },
        };
        Self { streamed, gathered, rest, shown, limit, matched: 0, bytes: 0 }
    }

    pub fn push(&mut self, event: EventRow) -> Result<(), RunError> {
        let size = event.message.len() + 256;
        let mut row = Row::of_event(event);
        for command in &self.streamed {
            if !apply(command, &mut row) {
                return Ok(());
            }
        }
        self.matched += 1;
        if self.gathered.add(row)? {
            self.bytes += size;
        }
        if self.bytes > INSIGHTS_RESULT_BYTES_MAX { self.shrink() } else { Ok(()) }
    }

    /// Rows that a later one has pushed out still count until here.
    fn shrink(&mut self) -> Result<(), RunError> {
        if let Gathered::Sorted { keys, rows, max } = &mut self.gathered {
            sort(keys, rows);
            rows.truncate(*max);
        }
        let size = |row: &Row| row.event.as_ref().map_or(0, |event| event.message.len()) + 256;
        self.bytes = self.gathered.rows().iter().map(size).sum();
        if self.bytes > INSIGHTS_RESULT_BYTES_MAX / 2 { Err(RunError::ResultTooLarge) } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<Outcome, RunError> {
        let mut rows = match self.gathered {
            Gathered::Groups(groups) => groups.finish(),
            Gathered::Sorted { keys, mut rows, max } => {
                sort(&keys, &mut rows);
                rows.truncate(max);
                rows
            }
            Gathered::First { rows, .. } | Gathered::Distinct { rows, .. } => rows,
        };
        for command in &self.rest {
            rows = follow(command, rows, &mut self.shown)?;
        }
        rows.truncate(self.limit);
        let names = self.shown.unwrap_or_else(|| vec!["@timestamp".into(), "@message".into()]);
        let mut outcome = Outcome::default();
        let mut bytes = 0;
        for row in rows {
            let cell = |name: &Arc<str>| Some((name.to_string(), row.field(name).show()?));
            let mut cells: Vec<(String, String)> = names.iter().filter_map(cell).collect();
            if let Some(event) = &row.event {
                cells.push((String::from("@ptr"), event.pointer.clone()));
            }
            bytes += cells.iter().map(|(name, value)| name.len() + value.len() + 64).sum::<usize>();
            if bytes > INSIGHTS_RESULT_BYTES_MAX {
                return Err(RunError::ResultTooLarge);
            }
            outcome.rows.push(cells);
        }
        Ok(outcome)
    }
}

impl Gathered {
    fn rows(&self) -> &[Row] {
        match self {
            Gathered::Groups(_) => &[],
            Gathered::Sorted { rows, .. }
            | Gathered::First { rows, .. }
            | Gathered::Distinct { rows, .. } => rows,
        }
    }

    /// Whether the row is kept.
    fn add(&mut self, row: Row) -> Result<bool, RunError> {
        match self {
            Gathered::Groups(groups) => {
                groups.add(&row)?;
                return Ok(false);
            }
            Gathered::Sorted { keys, rows, max } => {
                rows.push(row);
                // Twice as many as are wanted: each row is then sorted a few times at most.
                if rows.len() >= 2 * *max + 1024 {
                    sort(keys, rows);
                    rows.truncate(*max);
                }
            }
            Gathered::First { rows, max } => {
                if rows.len() >= *max {
                    return Ok(false);
                }
                rows.push(row);
            }
            Gathered::Distinct { names, seen, rows } => {
                let key = names.iter().map(|named| named.expression.value(&row).show()).collect();
                if rows.len() >= INSIGHTS_ROWS_MAX || !seen.insert(key) {
                    return Ok(false);
                }
                rows.push(row);
            }
        }
        Ok(true)
    }
}

/// Whether the row stays.
fn apply(command: &Command, row: &mut Row) -> bool {
    match command {
        Command::Filter(condition) => return condition.value(row).truth(),
        Command::Fields(list) | Command::Display(list) => {
            for named in list.iter().filter(|named| !named.is_plain()) {
                let value = named.expression.value(row);
                row.set(&named.name.as_str().into(), value);
            }
        }
        Command::Parse { source, pattern, names } => {
            let text = source.value(row).show();
            let Some(found) = text.as_deref().and_then(|text| pattern.captures(text)) else { return true };
            for (index, name) in names.iter().enumerate() {
                let group = found.name(name).or_else(|| found.get(index + 1));
                if let Some(group) = group {
                    row.set(&name.as_str().into(), Value::text(group.as_str()));
                }
            }
        }
        Command::Stats { .. } | Command::Sort(_) | Command::Limit(_) | Command::Dedup(_) => {}
    }
    true
}

/// A command over all rows that there are.
fn follow(
    command: &Command,
    mut rows: Vec<Row>,
    shown: &mut Option<Vec<Arc<str>>>,
) -> Result<Vec<Row>, RunError> {
    note_shown(command, shown);
    match command {
        Command::Stats { aggregations, by } => {
            let mut groups = Groups::new(aggregations, by);
            for row in &rows {
                groups.add(row)?;
            }
            *shown = Some(groups.names());
            return Ok(groups.finish());
        }
        Command::Sort(keys) => sort(keys, &mut rows),
        Command::Limit(max) => rows.truncate(*max),
        Command::Dedup(names) => {
            let mut seen = HashSet::new();
            rows.retain(|row| {
                let key: Vec<Option<String>> =
                    names.iter().map(|named| named.expression.value(row).show()).collect();
                seen.insert(key)
            });
        }
        _ => rows.retain_mut(|row| apply(command, row)),
    }
    Ok(rows)
}

fn sort(keys: &[SortKey], rows: &mut [Row]) {
    let compare = |left: &Row, right: &Row| {
        let order = |key: &SortKey| {
            let order = key.expression.value(left).order(&key.expression.value(right));
            if key.descending { order.reverse() } else { order }
        };
        keys.iter().map(order).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    rows.sort_by(compare);
}

/// `fields` adds columns, `display` says all of them.
fn note_shown(command: &Command, shown: &mut Option<Vec<Arc<str>>>) {
    let (list, is_all) = match command {
        Command::Fields(list) => (list, false),
        Command::Display(list) => (list, true),
        _ => return,
    };
    let columns = shown.get_or_insert_default();
    if is_all {
        columns.clear();
    }
    for named in list {
        if !columns.iter().any(|known| **known == *named.name) {
            columns.push(named.name.as_str().into());
        }
    }
}

impl Named {
    /// A field under its own name: nothing to compute.
    fn is_plain(&self) -> bool {
        matches!(&self.expression, super::syntax::Expression::Field(name) if *name == self.name)
    }
}
