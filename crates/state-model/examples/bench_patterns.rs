//! Events per second that the rules of a bus are asked about on one core, by the number of rules.
//!
//! Each rule asks for a source of its own, one of a few detail types, and two values of the detail; every hundredth has nothing exact
//! to be filed under. Events go round the sources, so that each meets one rule that may fit. Prints one line per number of rules.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use state_model::events::pattern::{Pattern, RuleIndex};

const MEASURED: Duration = Duration::from_millis(1_500);

fn rule(number: usize) -> Value {
    if number % 100 == 99 {
        return json!({"detail": {"name": [{"prefix": format!("item-{number}-")}]}});
    }
    json!({
        "source": [format!("app.{number}")],
        "detail-type": ["Order Placed", "Order Paid"],
        "detail": {"state": ["open"], "total": [{"numeric": [">", 10]}]},
    })
}

fn event(number: usize) -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Order Placed",
        "source": format!("app.{number}"),
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:ecs:us-east-1:000000000000:cluster/default"],
        "detail": {"name": format!("item-{number}"), "state": "open", "total": 20, "lines": [{"sku": "a"}, {"sku": "b"}]},
    })
}

fn main() {
    for rules in [10, 1_000, 10_000] {
        let patterns = (0..rules).filter_map(|number| Some((number, Pattern::of_value(&rule(number)).ok()?)));
        let index = RuleIndex::new(patterns.collect());
        let events: Vec<_> = (0..rules.min(1_000)).map(event).collect();
        let began = Instant::now();
        let (mut asked, mut matched) = (0_u64, 0_u64);
        while began.elapsed() < MEASURED {
            for event in &events {
                matched += black_box(index.matches(black_box(event))).len() as u64;
                asked += 1;
            }
        }
        let per_second = asked as f64 / began.elapsed().as_secs_f64();
        println!("{rules} {per_second:.0} {:.2}", matched as f64 / asked as f64);
    }
}
