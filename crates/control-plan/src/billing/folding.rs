//! Old usage: folded into one record per day and set of attributes, and dropped in the end.

use state_model::billing::calendar::Day;
use state_model::billing::usage::{Detail, Quantities, Usage};
use state_tables::{Row, View};
use stdx::clock::Timestamp;

use crate::limits::{USAGE_DETAILED_DAYS, USAGE_FOLDED_PER_COMMIT_MAX, USAGE_KEPT_MONTHS};

/// One commit's worth.
#[derive(Debug, Default)]
pub struct Folding {
    pub gone: Vec<Row<Usage>>,
    /// What the records that go are added to, as it was read and as it becomes.
    pub folded: Vec<(Option<Row<Usage>>, Usage)>,
}

impl Folding {
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty()
    }
}

/// The first day of which usage is kept.
pub fn oldest_kept(now: Timestamp) -> Day {
    Day::of(now).month_plus(-USAGE_KEPT_MONTHS)
}

/// Records of runs from before this day are folded.
fn detailed_from(now: Timestamp) -> Day {
    Day::of(now).plus(-USAGE_DETAILED_DAYS)
}

/// Tasks whose usage isn't recorded to its end write no more into such old days: they record each day when it is over.
pub fn plan(view: &View, now: Timestamp) -> Folding {
    let (oldest, detailed) = (oldest_kept(now), detailed_from(now));
    let mut folding = Folding::default();
    let mut account: Option<String> = None;
    // Accounts are few, and of each the days in question come first.
    while let Some(first) = next_account(view, account.as_deref()) {
        let name = first.account.clone();
        let prefix = format!("{name}/");
        let rows = view.billing_usage.prefix(&prefix).map(|(_, row)| row);
        for row in rows.take_while(|row| row.day < detailed) {
            if folding.gone.len() >= USAGE_FOLDED_PER_COMMIT_MAX {
                return folding;
            }
            if row.day < oldest {
                folding.gone.push(row.clone());
            } else if matches!(row.detail, Detail::Run(_)) {
                fold(view, &mut folding, row);
            }
        }
        account = Some(name);
    }
    folding
}

fn next_account<'v>(view: &'v View, after: Option<&str>) -> Option<&'v Row<Usage>> {
    // `0` follows `/`.
    let after = after.map(|account| format!("{account}0"));
    view.billing_usage.after("", after.as_deref()).next().map(|(_, row)| row)
}

fn fold(view: &View, folding: &mut Folding, row: &Row<Usage>) {
    let key = row.folded_key();
    let former = view.billing_usage.get(&key);
    if former.is_some_and(|former| former.attributes != row.attributes) {
        return;
    }
    let place = folding.folded.iter().position(|(_, usage)| usage.folded_key() == key);
    let place = place.unwrap_or_else(|| {
        let quantities = former.map_or_else(Quantities::default, |former| former.quantities());
        let detail = Detail::Folded(quantities);
        folding.folded.push((former.cloned(), Usage { detail, ..Usage::clone(row) }));
        folding.folded.len() - 1
    });
    let folded = &mut folding.folded[place].1;
    if folded.attributes != row.attributes {
        return;
    }
    let mut quantities = folded.quantities();
    quantities.add(&row.quantities());
    folded.detail = Detail::Folded(quantities);
    folding.gone.push(row.clone());
}
