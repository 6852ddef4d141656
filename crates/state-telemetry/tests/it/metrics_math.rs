//! Metric math, by worked examples.

use state_telemetry::metrics::{
    EvaluateError, MetricId, Query, Resolution, Sample, Series, Source, Stat, Unit, Values, check, evaluate,
};
use stdx::clock::Timestamp;

use crate::metrics_kit::{Kit, NOW, id, minute};

fn metric(query: &str, name: &str) -> Query {
    let source = Source::Metric { id: id(name), stat: Stat::Average, unit: None };
    Query { id: query.into(), source, period: 60, label: None, returns_data: false }
}

fn expression(query: &str, text: &str) -> Query {
    Query {
        id: query.into(),
        source: Source::Expression(text.into()),
        period: 0,
        label: None,
        returns_data: true,
    }
}

/// m1 is 1, 2, -, 4; m2 is 10, -, 30, 20; m3 has no data; e0 is m1 + 1.
fn queries(text: &str) -> Vec<Query> {
    let inner = Query { returns_data: false, ..expression("e0", "m1 + 1") };
    vec![expression("e1", text), metric("m1", "one"), metric("m2", "two"), metric("m3", "three"), inner]
}

async fn kit() -> Kit {
    let kit = Kit::new();
    kit.put(vec![minute("one", 0, 1.0), minute("one", 60, 2.0), minute("one", 180, 4.0)]).await;
    kit.put(vec![minute("two", 0, 10.0), minute("two", 120, 30.0), minute("two", 180, 20.0)]).await;
    let service = |name: &str, service: &str, value| Sample {
        id: MetricId::new("p", "AWS/ECS", name, [("ClusterName", "c"), ("ServiceName", service)]),
        at: Timestamp::from_secs(NOW),
        unit: Unit::Percent,
        resolution: Resolution::Minute,
        values: Values::One(value),
    };
    kit.put(vec![service("CPUUtilization", "web", 50.0), service("CPUUtilization", "api", 70.0)]).await;
    kit.put(vec![service("MemoryUtilization", "web", 5.0)]).await;
    kit
}

fn run(kit: &Kit, queries: &[Query]) -> Result<Vec<Series>, EvaluateError> {
    evaluate(&kit.store, "p", queries, Timestamp::from_secs(NOW), Timestamp::from_secs(NOW + 240))
}

/// `label: 1 2 - 4`, one per minute.
fn show(series: &[Series]) -> String {
    let one = |series: &Series| {
        let value = |at: i64| {
            let mut points = series.points.iter();
            let point = points.find(|point| point.at.as_secs() == NOW + at);
            point.map_or("-".into(), |point| format!("{}", (point.value * 1000.0).round() / 1000.0))
        };
        format!("{}: {}", series.label, [0, 60, 120, 180].map(value).join(" "))
    };
    series.iter().map(one).collect::<Vec<_>>().join("; ")
}

const EXAMPLES: &[(&str, &str)] = &[
    // Operators.
    ("m1 + m2", "e1: 11 - - 24"),
    ("m1 * 2 - 1", "e1: 1 3 - 7"),
    ("-m1 ^ 2", "e1: -1 -4 - -16"),
    ("2 ^ m1 ^ 0.5", "e1: 2 2.665 - 4"),
    ("(1 + 2) * m1 / 3", "e1: 1 2 - 4"),
    ("10 / (m1 - 2)", "e1: -10 - - 5"),
    ("m1 > 1", "e1: 0 1 - 1"),
    ("m1 >= m2", "e1: 0 1 0 0"),
    ("m1 == 2 || m1 == 4", "e1: 0 1 - 1"),
    ("m1 > 1 AND m1 < 4", "e1: 0 1 - 0"),
    ("m1 != 2 OR m1 <= 2", "e1: 1 1 - 1"),
    ("m1 AND m2", "e1: 1 0 0 1"),
    ("m1 + 1e1", "e1: 11 12 - 14"),
    ("e0 * 10", "e1: 20 30 - 50"),
    ("METRICS() * 2", "one: 2 4 - 8; two: 20 - 60 40; three: - - - -"),
    ("m2 - METRICS(\"m1\")", "one: 9 - - 16"),
    // Of each value.
    ("ABS(m1 - 2)", "e1: 1 0 - 2"),
    ("CEIL(m1 / 3)", "e1: 1 1 - 2"),
    ("FLOOR(m1 / 3)", "e1: 0 0 - 1"),
    ("LOG10(m2)", "e1: 1 - 1.477 1.301"),
    ("LOG(m1)", "e1: 0 0.693 - 1.386"),
    ("LOG(m1 - 2)", "e1: - - - 0.693"),
    ("DIFF(m1)", "e1: - 1 - 2"),
    ("DIFF_TIME(m1)", "e1: - 60 - 120"),
    ("RATE(m1) * 60", "e1: - 1 - 1"),
    ("RUNNING_SUM(m1)", "e1: 1 3 - 7"),
    ("MINUTE(m1)", "e1: 0 1 - 3"),
    ("HOUR(m1) + DATE(m1) * 100 + MONTH(m1) * 10000", "e1: 12200 12200 - 12200"),
    ("YEAR(m1)", "e1: 2026 2026 - 2026"),
    ("DAY(m1)", "e1: 4 4 - 4"),
    ("EPOCH(m1) - 1769040000", "e1: 0 60 - 180"),
    // Of all values.
    ("TIME_SERIES(AVG(m1))", "e1: 2.333 2.333 2.333 2.333"),
    ("m1 / MAX(m1)", "e1: 0.25 0.5 - 1"),
    ("m1 - MIN(m1)", "e1: 0 1 - 3"),
    ("m1 / SUM(m1) * 7", "e1: 1 2 - 4"),
    ("m1 * 0 + STDDEV(m1)", "e1: 1.247 1.247 - 1.247"),
    ("TIME_SERIES(DATAPOINT_COUNT(m1))", "e1: 3 3 3 3"),
    ("TIME_SERIES(DATAPOINT_COUNT(m3))", "e1: 0 0 0 0"),
    ("m1 + AVG(m3)", "e1: - - - -"),
    ("m1 * 0 + PERIOD(m1)", "e1: 60 60 - 60"),
    ("SUM(METRICS())", "e1: 11 2 30 24"),
    ("AVG([m1, m2])", "e1: 5.5 2 30 12"),
    ("MAX([m1, m2, 3])", "e1: 10 3 30 20"),
    ("MIN(METRICS(\"m\"))", "e1: 1 2 30 4"),
    ("DATAPOINT_COUNT(METRICS())", "e1: 2 1 1 2"),
    ("STDDEV([m1, m2])", "e1: 4.5 0 0 8"),
    // Gaps and choices.
    ("FILL(m1, 0)", "e1: 1 2 0 4"),
    ("FILL(m1, REPEAT)", "e1: 1 2 2 4"),
    ("FILL(m1, LINEAR)", "e1: 1 2 3 4"),
    ("FILL(m3, 7)", "e1: 7 7 7 7"),
    ("FILL(m1, m2)", "e1: 1 2 30 4"),
    ("FILL(METRICS(), MIN(m1))", "one: 1 2 1 4; two: 10 1 30 20; three: 1 1 1 1"),
    ("IF(m1 > 1, m1)", "e1: - 2 - 4"),
    ("IF(m1 > 1, m1, 0)", "e1: 0 2 - 4"),
    ("IF(m1 > 1, m2, m1)", "e1: 1 - - 20"),
    ("IF(MAX(m1) > 3, m1, m2)", "e1: 1 2 - 4"),
    ("IF(MAX(m1) > 5, m1)", "e1: - - - -"),
    ("IF(FILL(m1, 0) == 0, 100, m1)", "e1: 1 2 100 4"),
    // Series of an array.
    ("FIRST(METRICS())", "e1: 1 2 - 4"),
    ("LAST(REMOVE_EMPTY(METRICS()))", "e1: 10 - 30 20"),
    ("REMOVE_EMPTY(METRICS())", "one: 1 2 - 4; two: 10 - 30 20"),
    ("SORT(METRICS(), AVG, DESC)", "two: 10 - 30 20; one: 1 2 - 4; three: - - - -"),
    ("SORT(METRICS(), MIN, ASC, 1)", "one: 1 2 - 4"),
    ("SLICE(SORT(METRICS(), SUM, DESC), 1, 2)", "one: 1 2 - 4"),
    ("SLICE(METRICS(), 1)", "two: 10 - 30 20; three: - - - -"),
    ("SLICE(METRICS(), 5)", ""),
    // Searches.
    (
        "SEARCH('{AWS/ECS,ClusterName,ServiceName} MetricName=\"CPUUtilization\"', 'Average', 60)",
        "api: 70 - - -; web: 50 - - -",
    ),
    (
        "SEARCH('{AWS/ECS,ServiceName,ClusterName} web', 'Sum')",
        "CPUUtilization: 50 - - -; MemoryUtilization: 5 - - -",
    ),
    ("SUM(SEARCH('{AWS/ECS,ClusterName,ServiceName} cpu', 'Maximum', 60))", "e1: 120 - - -"),
    ("SEARCH('{AWS/ECS,ClusterName} cpu', 'Average', 60)", ""),
];

#[tokio::test]
async fn examples() {
    let kit = kit().await;
    for (text, expect) in EXAMPLES {
        let queries = queries(text);
        check(&queries).expect(text);
        assert_eq!(show(&run(&kit, &queries).expect(text)), *expect, "{text}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_when_it_is_given_and_when_it_is_computed() {
    let kit = kit().await;
    for (text, expect) in [
        ("", "Syntax error: unexpected end of the expression"),
        ("m1 +", "Syntax error: unexpected end of the expression"),
        ("m1 m2", "Syntax error: unexpected 'm2'"),
        ("(m1", "Syntax error: ')' is missing"),
        ("m1 $ 2", "Syntax error: unexpected '$'"),
        ("'m1", "Syntax error: a string has no end"),
        ("1.2.3", "Syntax error: unexpected '1.2.3'"),
        ("m9 + 1", "Unknown metric or expression 'm9'"),
        ("e1 + 1", "The expression depends on itself"),
        ("NOPE(m1)", "Function 'NOPE' not found"),
        ("ABS(m1, m2)", "Function 'ABS' takes 1 argument(s) but 2 were given"),
        ("SORT(METRICS())", "Function 'SORT' takes 3 to 4 argument(s) but 1 were given"),
        ("METRICS() + METRICS()", "Unsupported operand type(s) for +: 'Array' and 'Array'"),
        ("METRICS() > 1", "Unsupported operand type(s) for >: 'Array' and 'Scalar'"),
        ("'a' + 1", "Unsupported operand type(s) for +: 'String' and 'Scalar'"),
        ("DIFF(3)", "Unsupported operand type for function 'DIFF': 'Scalar'"),
        ("FIRST(m1)", "Unsupported operand type for function 'FIRST': 'TimeSeries'"),
        ("IF(METRICS(), 1)", "Unsupported operand type for function 'IF': 'Array'"),
        ("SORT(METRICS(), MEDIAN, ASC)", "SORT: the function 'MEDIAN' is none of AVG, MAX, MIN and SUM"),
        ("SLICE(METRICS(), -1)", "Function 'SLICE' takes whole numbers from 0"),
        ("SEARCH('{A,', 'Average')", "SEARCH: a name is missing in the schema"),
        ("SEARCH('cpu', 'Mean')", "SEARCH: invalid statistic 'Mean'"),
        ("ANOMALY_DETECTION_BAND(m1)", "Function 'ANOMALY_DETECTION_BAND' isn't supported here"),
        ("SERVICE_QUOTA(m1)", "Function 'SERVICE_QUOTA' isn't supported here"),
        ("INSIGHT_RULE_METRIC('a', 'b')", "Function 'INSIGHT_RULE_METRIC' isn't supported here"),
        ("SELECT AVG(x) FROM \"AWS/ECS\"", "Metrics Insights queries aren't supported here"),
        ("AVG(m1)", "A Scalar can't be returned: make a TimeSeries of it with TIME_SERIES"),
        ("'text'", "A String can't be returned"),
    ] {
        let queries = queries(text);
        let expect = format!("Error in expression 'e1': {expect}");
        assert_eq!(check(&queries).expect_err(text).to_string(), expect);
        assert_eq!(run(&kit, &queries).expect_err(text).to_string(), expect);
    }
    let deep = format!("{}m1{}", "(".repeat(100), ")".repeat(100));
    assert!(check(&queries(&deep)).expect_err("deep").to_string().contains("nested too deeply"));
    assert!(check(&queries(&"-".repeat(2000))).expect_err("deep").to_string().contains("nested too deeply"));
    assert!(check(&queries(&"1+".repeat(2000))).expect_err("long").to_string().contains("longer than"));
    let circle = [expression("a", "b"), expression("b", "c + 1"), expression("c", "a")];
    assert!(check(&circle).expect_err("a circle").to_string().contains("depends on itself"));
    let long: Vec<_> =
        (0..500).map(|step| expression(&format!("e{step}"), &format!("e{}", step + 1))).collect();
    assert!(check(&long).expect_err("an end").to_string().ends_with("Unknown metric or expression 'e500'"));
}

#[tokio::test]
async fn labels_speak_of_their_series() {
    let kit = kit().await;
    for (text, label, expect) in [
        (
            "m1 * 2",
            Some("twice ${LABEL}: ${MIN} to ${MAX}, ${AVG} of ${SUM}, ${LAST}"),
            "twice e1: 2 to 8, 4.667 of 14, 8",
        ),
        (
            "m1",
            Some("${PROP('MetricName')} of ${PROP('Dim.Host')}${PROP('Dim.X')} ${PROP(\"Stat\")}"),
            "one of a Average",
        ),
        ("m3", Some("${AVG} ${NONSENSE} ${"), "-- ${NONSENSE} ${"),
        ("METRICS(\"m1\")", Some("all"), "all one"),
        ("METRICS(\"m1\")", Some("[${PROP('MetricName')}] ${LABEL}"), "[one] one"),
        ("METRICS(\"m1\")", None, "one"),
    ] {
        let mut queries = queries(text);
        queries[0].label = label.map(str::to_owned);
        assert_eq!(run(&kit, &queries).expect(text)[0].label, expect);
    }
    let labelled =
        Query { label: Some("my ${PROP('Namespace')}".into()), returns_data: true, ..metric("m1", "one") };
    assert_eq!(show(&run(&kit, &[labelled, metric("m2", "two")]).expect("a metric")), "my App: 1 2 - 4");
}
