//! Queries and what they find.

use std::sync::Arc;

use super::{EventRow, Run, parse};

const EVENTS: [&str; 6] = [
    r#"{"level":"INFO","ms":10,"user":{"name":"ann","tags":["x","y"]},"path":"/a"}"#,
    r#"{"level":"ERROR","ms":250,"user":{"name":"bob"},"path":"/b"}"#,
    r#"{"level":"INFO","ms":30,"user":{"name":"ann"},"path":"/a"}"#,
    "2026-01-01 user=carl took 42ms",
    r#"{"level":"WARN","ms":"90","user":{"name":"dan"},"path":"/a"}"#,
    "",
];

fn run(query: &str) -> Result<Vec<String>, String> {
    let query = parse(query).map_err(|error| error.message)?;
    let mut run = Run::new(&query, 100);
    for (index, message) in EVENTS.iter().enumerate().rev() {
        let event = EventRow {
            timestamp_ms: index as i64 * 60_000,
            ingestion_ms: 0,
            message: (*message).to_owned(),
            log_stream: Arc::from("stream"),
            log: Arc::from("1:group"),
            pointer: format!("p{index}"),
        };
        run.push(event).map_err(|error| error.to_string())?;
    }
    let outcome = run.finish().map_err(|error| error.to_string())?;
    let shown = outcome.rows.into_iter().map(|row| {
        let cells = row.into_iter().filter(|(name, _)| name != "@ptr");
        cells.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    });
    Ok(shown.collect())
}

#[track_caller]
fn check(query: &str, expect: &[&str]) {
    assert_eq!(run(query), Ok(expect.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>()), "{query}");
}

#[test]
fn filters_choose() {
    let ann = ["user.name=ann ms=30", "user.name=ann ms=10"];
    for condition in [
        "user.name = 'ann'",
        "user.name='ann' and ms >= 10",
        "level = \"INFO\"",
        "level in ['INFO', 'DEBUG']",
        "level not in ['ERROR', 'WARN'] and ispresent(level)",
        "level like 'INF'",
        "level like /^IN/",
        "level =~ /(?i)info/",
        "not (ms > 50) and ispresent(ms)",
        "ms < 50",
        "ms * 2 - 1 < 60 or ms = -1",
        "strlen(path) = 2 and path != '/b' and ms <= 30 # a comment",
        "toupper(user.name) = 'ANN'",
    ] {
        check(&format!("fields user.name, ms | filter {condition}"), &ann);
    }
    check("filter user.tags.1 = 'y' | fields @logStream, @log", &["@logStream=stream @log=1:group"]);
    check("filter @message like 'carl' | fields @timestamp", &["@timestamp=1970-01-01 00:03:00.000"]);
    check("filter isblank(@message) | fields @timestamp", &["@timestamp=1970-01-01 00:05:00.000"]);
    check(
        "filter @timestamp >= 180000 and @message like 'took' | display @message",
        &["@message=2026-01-01 user=carl took 42ms"],
    );
}

#[test]
fn rows_are_cut_and_ordered() {
    check("fields ms | filter ispresent(ms) | sort ms asc | limit 2", &["ms=10", "ms=30"]);
    check("fields ms | filter ispresent(ms) | sort ms desc | limit 2", &["ms=250", "ms=90"]);
    check("fields path | filter ispresent(path) | sort path desc, ms asc | limit 2", &["path=/b", "path=/a"]);
    check(
        "fields user.name | filter ispresent(user.name) | dedup user.name",
        &["user.name=dan", "user.name=ann", "user.name=bob"],
    );
    check("filter ms = 10 | fields ms | display level", &["level=INFO"]);
    check(
        "fields ms + 1 as more, concat(level, '-', path) as both | filter ms = 10",
        &["more=11 both=INFO-/a"],
    );
    check("filter ms = 10", &[&format!("@timestamp=1970-01-01 00:00:00.000 @message={}", EVENTS[0])]);
}

#[test]
fn events_are_parsed() {
    let expect = ["user=carl took=42"];
    check(
        "parse @message 'user=* took *ms' as user, took | filter ispresent(took) | display user, took",
        &expect,
    );
    check(
        r"parse @message /user=(?<user>\w+) took (?<took>\d+)/ | filter took > 41 | display user, took",
        &expect,
    );
    check(r"parse /user=(\w+) took (\d+)/ as user, took | filter took > 41 | display user, took", &expect);
}

#[test]
fn statistics_are_computed() {
    check("stats count(*)", &["count(*)=6"]);
    check(
        "stats count(ms) as n, sum(ms), avg(ms), min(ms), max(ms)",
        &["n=4 sum(ms)=380 avg(ms)=95 min(ms)=10 max(ms)=250"],
    );
    check(
        "filter ispresent(level) | stats count(*) as n by level | sort n desc, level asc",
        &["level=INFO n=2", "level=ERROR n=1", "level=WARN n=1"],
    );
    check(
        "stats count_distinct(user.name), pct(ms, 50), pct(ms, 100)",
        &["count_distinct(user.name)=3 pct(ms, 50)=30 pct(ms, 100)=250"],
    );
    check("stats earliest(level) as first, latest(level) as last", &["first=INFO last=WARN"]);
    check("filter level = 'INFO' | stats stddev(ms) as d", &["d=10"]);
    check(
        "stats count(*) as n by bin(3m)",
        &["bin(3m)=1970-01-01 00:03:00.000 n=3", "bin(3m)=1970-01-01 00:00:00.000 n=3"],
    );
    check("stats count(*) as n by level | stats max(n) as most", &["most=2"]);
    check("filter level = 'NONE' | stats count(*) as n", &["n=0"]);
    check("stats count(*) as n by level | filter n > 1 and ispresent(level) | limit 1", &["level=INFO n=2"]);
}

#[test]
fn what_is_wrong_is_told() {
    for (query, message) in [
        ("", "the query has no command"),
        ("frob x", "unexpected symbol found: 'frob'"),
        ("fields @message | pattern @message", "the command 'pattern' is not supported here"),
        ("filter ms >", "unexpected symbol found: the end of the query"),
        ("filter (ms > 1", "unexpected symbol found: the end of the query"),
        ("filter level like /(/", "invalid regular expression"),
        ("filter level = 'x", "the text isn't closed"),
        ("stats frob(ms)", "unknown aggregation function 'frob'"),
        ("fields frob(ms)", "unknown function 'frob'"),
        ("fields strlen()", "the function 'strlen' doesn't take 0 arguments"),
        ("limit 0", "limit takes a whole number of at least 1"),
        ("parse @message 'a * b *' as x", "there must be a name for each * of the pattern"),
        ("stats pct(ms, 101)", "a percentile lies between 0 and 100"),
        ("stats count(*) by bin(5x)", "a span of time is a number with ms, s, m, h, d or w"),
    ] {
        assert_eq!(run(query), Err(message.to_owned()), "{query}");
    }
    let deep = format!("filter {}1", "(".repeat(10_000));
    assert!(run(&deep).is_err());
    assert!(run(&format!("filter {}1 = 1", "not ".repeat(10_000))).is_err());
    assert!(run(&format!("fields {}1", "-".repeat(10_000))).is_err());
    assert!(run(&format!("fields 1{}", "+1".repeat(5_000))).is_err());
    assert!(run(&format!("fields 1{}", "+1".repeat(200))).is_ok());
}
