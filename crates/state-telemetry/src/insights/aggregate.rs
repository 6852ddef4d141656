//! Groups of `stats` and what is computed for each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::row::Row;
use super::run::RunError;
use super::syntax::{Aggregate, Aggregation, Expression, Named};
use super::value::Value;
use crate::limits::{INSIGHTS_GROUPS_MAX, INSIGHTS_VALUES_MAX};

#[derive(Debug)]
pub(super) struct Groups {
    functions: Vec<Aggregate>,
    by: Vec<Expression>,
    names: Vec<Arc<str>>,
    groups: HashMap<Vec<Option<String>>, Group>,
    /// Values that are kept for percentiles and distinct counts, of all groups.
    kept: usize,
}

#[derive(Debug)]
struct Group {
    keys: Vec<Value>,
    cells: Vec<Cell>,
}

#[derive(Debug)]
enum Cell {
    Count(u64),
    Distinct(HashSet<String>),
    Sum {
        sum: f64,
        count: u64,
    },
    Average {
        sum: f64,
        count: u64,
    },
    Extreme(Value),
    Values(Vec<f64>),
    /// Welford's running mean and sum of squares.
    Deviation {
        count: f64,
        mean: f64,
        squares: f64,
    },
    /// A time and the value that was then.
    At(Option<(i64, Value)>),
}

impl Groups {
    pub(super) fn new(aggregations: &[Aggregation], by: &[Named]) -> Self {
        let names = by.iter().map(|named| &named.name).chain(aggregations.iter().map(|one| &one.name));
        Self {
            names: names.map(|name| name.as_str().into()).collect(),
            functions: aggregations.iter().map(|one| one.function.clone()).collect(),
            by: by.iter().map(|named| named.expression.clone()).collect(),
            groups: HashMap::new(),
            kept: 0,
        }
    }

    pub(super) fn add(&mut self, row: &Row) -> Result<(), RunError> {
        let keys: Vec<Value> = self.by.iter().map(|by| by.value(row)).collect();
        let texts: Vec<Option<String>> = keys.iter().map(Value::show).collect();
        if !self.groups.contains_key(&texts) && self.groups.len() >= INSIGHTS_GROUPS_MAX {
            return Err(RunError::TooManyGroups);
        }
        let fresh = || Group { keys, cells: self.functions.iter().map(Cell::new).collect() };
        let group = self.groups.entry(texts).or_insert_with(fresh);
        for (cell, function) in group.cells.iter_mut().zip(&self.functions) {
            self.kept += usize::from(cell.add(function, row));
        }
        if self.kept > INSIGHTS_VALUES_MAX { Err(RunError::TooManyValues) } else { Ok(()) }
    }

    /// In the order of their keys, times latest first. Without `by` there is one row, even of nothing.
    pub(super) fn finish(mut self) -> Vec<Row> {
        if self.by.is_empty() && self.groups.is_empty() {
            let cells = self.functions.iter().map(Cell::new).collect();
            self.groups.insert(Vec::new(), Group { keys: Vec::new(), cells });
        }
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by(|left, right| {
            let pairs = left.keys.iter().zip(&right.keys);
            let order = |(left, right): (&Value, &Value)| match left {
                Value::Time(_) => right.order(left),
                _ => left.order(right),
            };
            pairs.map(order).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        let row = |group: Group| {
            let cells = group.cells.into_iter().zip(&self.functions);
            let values = cells.map(|(cell, function)| cell.finish(function));
            Row::computed(self.names.iter().cloned().zip(group.keys.into_iter().chain(values)).collect())
        };
        groups.into_iter().map(row).collect()
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.names.clone()
    }
}

impl Cell {
    fn new(function: &Aggregate) -> Self {
        match function {
            Aggregate::Count(_) => Cell::Count(0),
            Aggregate::CountDistinct(_) => Cell::Distinct(HashSet::new()),
            Aggregate::Sum(_) => Cell::Sum { sum: 0.0, count: 0 },
            Aggregate::Average(_) => Cell::Average { sum: 0.0, count: 0 },
            Aggregate::Minimum(_) | Aggregate::Maximum(_) => Cell::Extreme(Value::Missing),
            Aggregate::Percentile(..) => Cell::Values(Vec::new()),
            Aggregate::Deviation(_) => Cell::Deviation { count: 0.0, mean: 0.0, squares: 0.0 },
            Aggregate::Earliest(_) | Aggregate::Latest(_) => Cell::At(None),
        }
    }

    /// Whether it keeps one more value.
    fn add(&mut self, function: &Aggregate, row: &Row) -> bool {
        let value = match function.argument() {
            Some(argument) => argument.value(row),
            None => Value::Bool(true),
        };
        if value.is_missing() {
            return false;
        }
        match (self, function) {
            (Cell::Count(count), _) => *count += 1,
            (Cell::Distinct(texts), _) => return value.show().is_some_and(|text| texts.insert(text)),
            (Cell::Sum { sum, count } | Cell::Average { sum, count }, _) => {
                if let Some(number) = value.number() {
                    *sum += number;
                    *count += 1;
                }
            }
            (Cell::Extreme(known), function) => {
                let is_minimum = matches!(function, Aggregate::Minimum(_));
                let order = value.compare(known);
                if order.is_none_or(|order| if is_minimum { order.is_lt() } else { order.is_gt() }) {
                    *known = value;
                }
            }
            (Cell::Values(values), _) => {
                values.extend(value.number());
                return true;
            }
            (Cell::Deviation { count, mean, squares }, _) => {
                if let Some(number) = value.number() {
                    *count += 1.0;
                    let before = number - *mean;
                    *mean += before / *count;
                    *squares += before * (number - *mean);
                }
            }
            (Cell::At(known), function) => {
                let Value::Time(at) = row.field("@timestamp") else { return false };
                let is_earliest = matches!(function, Aggregate::Earliest(_));
                if known.as_ref().is_none_or(|(known, _)| if is_earliest { at < *known } else { at > *known })
                {
                    *known = Some((at, value));
                }
            }
        }
        false
    }

    fn finish(self, function: &Aggregate) -> Value {
        match self {
            Cell::Count(count) => Value::Number(count as f64),
            Cell::Distinct(texts) => Value::Number(texts.len() as f64),
            Cell::Sum { count: 0, .. } | Cell::Average { count: 0, .. } => Value::Missing,
            Cell::Sum { sum, .. } => Value::Number(sum),
            Cell::Average { sum, count } => Value::Number(sum / count as f64),
            Cell::Extreme(value) => value,
            Cell::Values(mut values) => {
                let Aggregate::Percentile(_, percent) = function else { return Value::Missing };
                values.sort_unstable_by(f64::total_cmp);
                let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
                values
                    .get(rank.clamp(1, values.len().max(1)) - 1)
                    .map_or(Value::Missing, |value| Value::Number(*value))
            }
            Cell::Deviation { count: 0.0, .. } => Value::Missing,
            Cell::Deviation { count, squares, .. } => Value::Number((squares / count).sqrt()),
            Cell::At(known) => known.map_or(Value::Missing, |(_, value)| value),
        }
    }
}

impl Aggregate {
    fn argument(&self) -> Option<&Expression> {
        match self {
            Aggregate::Count(argument) => argument.as_ref(),
            Aggregate::CountDistinct(argument)
            | Aggregate::Sum(argument)
            | Aggregate::Average(argument)
            | Aggregate::Minimum(argument)
            | Aggregate::Maximum(argument)
            | Aggregate::Percentile(argument, _)
            | Aggregate::Deviation(argument)
            | Aggregate::Earliest(argument)
            | Aggregate::Latest(argument) => Some(argument),
        }
    }
}
