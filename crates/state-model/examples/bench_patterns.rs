//! Events per second that the rules of a bus are asked about on one core, by the shape of the rules and their number.
//!
//! Events go round the first thousand rules, so that each meets one that may fit. Prints a line for each set of rules: the shape, the
//! number of rules, the events per second and the matches of an event, with tabs between them.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use state_model::events::pattern::{Pattern, RuleIndex};

const MEASURED: Duration = Duration::from_millis(1_500);

/// How rules differ.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Each has a source of its own and a few values of the detail; every hundredth has only a prefix of a name.
    OwnSource,
    /// All have the same source and detail type, each a prefix of its own far within the detail.
    OwnPrefix,
    /// Each has a value of its own in the detail, and all refuse the same other values.
    SharedAnythingBut,
}

fn rule(shape: Shape, number: usize) -> Value {
    match shape {
        Shape::OwnSource if number % 100 == 99 => {
            json!({"detail": {"name": [{"prefix": format!("item-{number}-")}]}})
        }
        Shape::OwnSource => json!({
            "source": [format!("app.{number}")],
            "detail-type": ["Order Placed", "Order Paid"],
            "detail": {"state": ["open"], "total": [{"numeric": [">", 10]}]},
        }),
        Shape::OwnPrefix => json!({
            "source": ["app.shared"],
            "detail-type": ["Order Placed"],
            "detail": {"order": {"customer": {"reference": [{"prefix": format!("customer-{number}-")}]}}},
        }),
        Shape::SharedAnythingBut => json!({
            "detail": {"name": [format!("item-{number}")], "state": [{"anything-but": ["closed", "lost"]}]},
        }),
    }
}

fn event(shape: Shape, number: usize) -> Value {
    let source = match shape {
        Shape::OwnPrefix => "app.shared".to_owned(),
        _ => format!("app.{number}"),
    };
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Order Placed",
        "source": source,
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:ecs:us-east-1:000000000000:cluster/default"],
        "detail": {
            "name": format!("item-{number}"),
            "state": "open",
            "total": 20,
            "lines": [{"sku": "a"}, {"sku": "b"}],
            "order": {"customer": {"reference": format!("customer-{number}-7")}},
        },
    })
}

fn measure(shape: Shape, rules: usize) {
    let pattern = |number| Pattern::of_value(&rule(shape, number)).expect("the rules' patterns are valid");
    let index = RuleIndex::new((0..rules).map(|number| (number, pattern(number))).collect());
    let events: Vec<_> = (0..rules.min(1_000)).map(|number| event(shape, number)).collect();
    let began = Instant::now();
    let (mut asked, mut matched) = (0_u64, 0_u64);
    while began.elapsed() < MEASURED {
        for event in &events {
            matched += black_box(index.matches(black_box(event))).len() as u64;
            asked += 1;
        }
    }
    let per_second = asked as f64 / began.elapsed().as_secs_f64();
    println!("{shape:?}\t{rules}\t{per_second:.0}\t{:.2}", matched as f64 / asked as f64);
}

fn main() {
    for rules in [10, 1_000, 10_000] {
        measure(Shape::OwnSource, rules);
    }
    for rules in [1_000, 10_000] {
        measure(Shape::OwnPrefix, rules);
    }
    measure(Shape::SharedAnythingBut, 1_000);
}
