//! Rows of costs, with their sum.

use std::collections::BTreeMap;

use serde_json::Value;
use state_model::billing::amount::{decimal, parse_decimal};

use super::By;
use crate::commands::columns;

/// Digits after the point that Cost Explorer shows.
const DIGITS: u32 = 10;

/// What one row adds up: numbers of the last digit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    cost: u128,
    vcpu_hours: u128,
    gb_hours: u128,
    storage_gb_hours: u128,
    currency: String,
}

impl Row {
    fn add(&mut self, usage_type: &str, metrics: &Value) {
        let cost = &metrics["UnblendedCost"];
        let quantity = number(&metrics["UsageQuantity"]["Amount"]);
        self.cost += number(&cost["Amount"]);
        self.currency = cost["Unit"].as_str().unwrap_or_default().to_owned();
        if usage_type.contains("vCPU-Hours") {
            self.vcpu_hours += quantity;
        } else if usage_type.contains("EphemeralStorage") {
            self.storage_gb_hours += quantity;
        } else {
            self.gb_hours += quantity;
        }
    }

    fn merge(&mut self, other: &Row) {
        self.cost += other.cost;
        self.vcpu_hours += other.vcpu_hours;
        self.gb_hours += other.gb_hours;
        self.storage_gb_hours += other.storage_gb_hours;
        self.currency.clone_from(&other.currency);
    }

    fn cells(&self, name: &str) -> Vec<String> {
        let hours = |amount: u128| shortened(amount, 4);
        let cost = format!("{} {}", shortened(self.cost, 6), self.currency);
        let quantities = [self.vcpu_hours, self.gb_hours, self.storage_gb_hours].map(hours);
        [vec![name.to_owned()], quantities.to_vec(), vec![cost]].concat()
    }
}

fn number(amount: &Value) -> u128 {
    amount.as_str().and_then(|text| parse_decimal(text, DIGITS)).unwrap_or(0)
}

/// Rounded to fewer digits after the point.
fn shortened(amount: u128, digits: u32) -> String {
    let unit = 10_u128.pow(DIGITS - digits);
    decimal((amount + unit / 2) / unit * unit)
}

/// The rows by their names.
pub fn rows(by: &By, periods: &[Value]) -> BTreeMap<String, Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for period in periods {
        for group in period["Groups"].as_array().into_iter().flatten() {
            let usage_type = group["Keys"][0].as_str().unwrap_or_default();
            let name = match by {
                By::UsageType => usage_type.to_owned(),
                By::Day => period["TimePeriod"]["Start"].as_str().unwrap_or_default().to_owned(),
                By::Tag(key, _) => {
                    let value = group["Keys"][1].as_str().unwrap_or_default();
                    value.replacen(&format!("{key}$"), "", 1)
                }
            };
            rows.entry(name).or_default().add(usage_type, &group["Metrics"]);
        }
    }
    rows
}

pub fn table(by: &By, rows: &BTreeMap<String, Row>) -> String {
    let title = match by {
        By::Tag(_, title) => title,
        By::UsageType => "USAGE TYPE",
        By::Day => "DAY",
    };
    let mut total = Row::default();
    let mut lines = Vec::new();
    for (name, row) in rows {
        total.merge(row);
        lines.push(row.cells(if name.is_empty() { "(none)" } else { name }));
    }
    lines.push(total.cells("TOTAL"));
    columns::table(&[title, "VCPU-HOURS", "GB-HOURS", "STORAGE-GB-HOURS", "COST"], &lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_add_up_to_the_total() {
        let group = |usage_type: &str, service: &str, cost: &str, quantity: &str| {
            json!({ "Keys": [usage_type, format!("s${service}")], "Metrics": {
                "UnblendedCost": { "Amount": cost, "Unit": "USD" },
                "UsageQuantity": { "Amount": quantity, "Unit": "vCPU-Hours" },
            } })
        };
        let period = json!({ "TimePeriod": { "Start": "2026-11-01" }, "Groups": [
            group("USE1-Fargate-vCPU-Hours:perCPU", "web", "0.0001686667", "0.0041666667"),
            group("USE1-Fargate-GB-Hours", "web", "0.0000370417", "0.0083333333"),
            group("USE1-Fargate-GB-Hours", "", "1", "225"),
        ] });
        let by = By::Tag("s".into(), "SERVICE");
        let rows = rows(&by, &[period]);
        let expected = "\
            SERVICE  VCPU-HOURS  GB-HOURS  STORAGE-GB-HOURS  COST\n\
            (none)   0           225       0                 1 USD\n\
            web      0.0042      0.0083    0                 0.000206 USD\n\
            TOTAL    0.0042      225.0083  0                 1.000206 USD\n";
        assert_eq!(table(&by, &rows), expected);
    }
}
