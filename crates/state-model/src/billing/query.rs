//! Adding usage up: by period and by group.

use std::collections::BTreeMap;

use super::amount::{Cost, Quantity};
use super::calendar::Span;
use super::filter::Filter;
use super::line::{Dimension, Item, Line};
use super::prices::PriceTable;
use super::usage::Usage;

/// What groups are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKey {
    Dimension(Dimension),
    Tag(String),
}

impl GroupKey {
    /// A tag's group is `key$value`.
    fn of(&self, line: &Line<'_>, is_active: &dyn Fn(&str) -> bool) -> String {
        match self {
            GroupKey::Dimension(dimension) => line.dimension(*dimension),
            GroupKey::Tag(key) => {
                let value = line.tag(key).filter(|_| is_active(key)).unwrap_or_default();
                format!("{key}${value}")
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub cost: Cost,
    pub quantity: Quantity,
    /// None when nothing was used, or things of several units.
    unit: Unit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit {
    #[default]
    Unused,
    One(&'static str),
    Several,
}

impl Sum {
    pub fn unit(&self) -> Option<&'static str> {
        match self.unit {
            Unit::One(unit) => Some(unit),
            Unit::Unused | Unit::Several => None,
        }
    }

    fn add(&mut self, quantity: Quantity, cost: Cost, item: Item) {
        self.quantity += quantity;
        self.cost += cost;
        self.unit = match self.unit {
            Unit::Unused => Unit::One(item.unit()),
            Unit::One(unit) if unit == item.unit() => self.unit,
            _ => Unit::Several,
        };
    }
}

/// What one question asks.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// In order, without overlap.
    pub periods: &'a [Span],
    pub filter: Option<&'a Filter>,
    pub groups: &'a [GroupKey],
    /// Whether costs are told apart by a tag.
    pub is_active: &'a dyn Fn(&str) -> bool,
    pub prices: &'a PriceTable,
}

/// The sums of each period, by the keys of the groups.
pub type Sums = Vec<BTreeMap<Vec<String>, Sum>>;

impl Query<'_> {
    pub fn sums(&self, usages: impl Iterator<Item = Usage>) -> Sums {
        let mut sums: Sums = vec![BTreeMap::new(); self.periods.len()];
        for usage in usages {
            self.add(&mut sums, &usage);
        }
        sums
    }

    fn add(&self, sums: &mut Sums, usage: &Usage) {
        let lines =
            Item::ALL.map(|item| Line { account: &usage.account, attributes: &usage.attributes, item });
        let mut wanted = Vec::with_capacity(lines.len());
        for line in &lines {
            if self.filter.is_none_or(|filter| filter.matches(line, self.is_active)) {
                let keys: Vec<String> =
                    self.groups.iter().map(|group| group.of(line, self.is_active)).collect();
                wanted.push((line, keys));
            }
        }
        if wanted.is_empty() {
            return;
        }
        let (day, next) = (usage.day.start(), usage.day.plus(1).start());
        let first = self.periods.partition_point(|period| period.until <= day);
        for (period, sums) in self.periods.iter().zip(sums).skip(first) {
            if period.from >= next {
                break;
            }
            let quantities = usage.within(*period);
            for (line, keys) in &wanted {
                let quantity = line.item.quantity(&quantities);
                if quantity > Quantity::default() {
                    let cost = line.cost(quantity, self.prices);
                    sums.entry(keys.clone()).or_default().add(quantity, cost, line.item);
                }
            }
        }
    }

    /// Everything of the periods together.
    pub fn total(&self, usages: impl Iterator<Item = Usage>) -> Sum {
        let mut total = Sum::default();
        for sum in self.sums(usages).into_iter().flat_map(BTreeMap::into_values) {
            total.cost += sum.cost;
            total.quantity += sum.quantity;
            total.unit = match (total.unit, sum.unit) {
                (Unit::Unused, unit) => unit,
                (one, other) if one == other => one,
                _ => Unit::Several,
            };
        }
        total
    }
}
