//! AWS's own examples, the clocks of zones, and properties of every time.

use proptest::prelude::*;

use super::*;

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a time")
}

fn schedule(expression: &str, zone_name: &str) -> Schedule {
    Schedule {
        expression: Expression::parse(expression, Rules::SCHEDULER).expect(expression),
        zone: zone(zone_name).expect("a zone"),
        anchor: time("2026-01-01T00:00:30Z"),
        skipped: Skipped::Omitted,
    }
}

#[track_caller]
fn check(expression: &str, zone: &str, after: &str, expected: &[&str]) {
    let schedule = schedule(expression, zone);
    let mut at = time(after);
    for expected in expected {
        let next = next_time(&schedule, at);
        assert_eq!(next, Some(time(expected)), "{expression} in {zone} after {at}: {next:?}");
        at = time(expected);
    }
}

#[test]
fn examples_of_the_guides() {
    for (expression, after, expected) in [
        ("cron(0 10 * * ? *)", "2026-02-01T10:00:00Z", ["2026-02-02T10:00:00Z", "2026-02-03T10:00:00Z"]),
        ("cron(15 12 * * ? *)", "2026-02-01T10:00:00Z", ["2026-02-01T12:15:00Z", "2026-02-02T12:15:00Z"]),
        (
            "cron(0 18 ? * MON-FRI *)",
            "2026-02-06T18:00:00Z",
            ["2026-02-09T18:00:00Z", "2026-02-10T18:00:00Z"],
        ),
        ("cron(0 8 1 * ? *)", "2026-02-01T10:00:00Z", ["2026-03-01T08:00:00Z", "2026-04-01T08:00:00Z"]),
        ("cron(0/15 * * * ? *)", "2026-02-01T10:07:00Z", ["2026-02-01T10:15:00Z", "2026-02-01T10:30:00Z"]),
        (
            "cron(0/10 * ? * MON-FRI *)",
            "2026-02-06T23:55:00Z",
            ["2026-02-09T00:00:00Z", "2026-02-09T00:10:00Z"],
        ),
        (
            "cron(0/5 8-17 ? * MON-FRI *)",
            "2026-02-06T17:55:00Z",
            ["2026-02-09T08:00:00Z", "2026-02-09T08:05:00Z"],
        ),
        (
            "cron(0/30 20-2 ? * MON-FRI *)",
            "2026-02-02T02:30:00Z",
            ["2026-02-02T20:00:00Z", "2026-02-02T20:30:00Z"],
        ),
        ("cron(0 9 ? * 2#1 *)", "2026-02-01T00:00:00Z", ["2026-02-02T09:00:00Z", "2026-03-02T09:00:00Z"]),
        (
            "cron(15 10 ? * 6L 2019-2030)",
            "2026-02-01T00:00:00Z",
            ["2026-02-27T10:15:00Z", "2026-03-27T10:15:00Z"],
        ),
        ("cron(0 0 L * ? *)", "2026-02-01T00:00:00Z", ["2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"]),
        // The first of August 2026 is a Saturday, the third of October as well.
        ("cron(0 0 1W 8,10 ? *)", "2026-02-01T00:00:00Z", ["2026-08-03T00:00:00Z", "2026-10-01T00:00:00Z"]),
        ("cron(0 0 3W 10 ? *)", "2026-02-01T00:00:00Z", ["2026-10-02T00:00:00Z", "2027-10-04T00:00:00Z"]),
        ("cron(0 0 LW * ? *)", "2026-05-01T00:00:00Z", ["2026-05-29T00:00:00Z", "2026-06-30T00:00:00Z"]),
        ("cron(0 0 29 2 ? *)", "2026-02-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("cron(0 0 ? * L *)", "2026-02-01T00:00:00Z", ["2026-02-07T00:00:00Z", "2026-02-14T00:00:00Z"]),
        ("rate(5 minutes)", "2026-01-01T00:07:00Z", ["2026-01-01T00:10:30Z", "2026-01-01T00:15:30Z"]),
        ("rate(1 hour)", "2026-01-01T00:00:30Z", ["2026-01-01T01:00:30Z", "2026-01-01T02:00:30Z"]),
        ("rate(7 days)", "2025-12-01T00:00:00Z", ["2026-01-01T00:00:30Z", "2026-01-08T00:00:30Z"]),
    ] {
        check(expression, "UTC", after, &expected);
    }
}

#[test]
fn clocks_of_zones() {
    let zone = "America/New_York";
    check(
        "cron(0 9 * * ? *)",
        zone,
        "2026-03-07T00:00:00Z",
        &["2026-03-07T14:00:00Z", "2026-03-08T13:00:00Z"],
    );
    // On the eighth of March there is no half past two.
    check(
        "cron(30 2 * * ? *)",
        zone,
        "2026-03-07T00:00:00Z",
        &["2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"],
    );
    // On the first of November half past one comes twice, and counts once.
    check(
        "cron(30 1 * * ? *)",
        zone,
        "2026-10-31T06:00:00Z",
        &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    );
    check("at(2026-07-01T12:00:00)", "Europe/Berlin", "2026-01-01T00:00:00Z", &["2026-07-01T10:00:00Z"]);
    let once = schedule("at(2026-07-01T12:00:00)", "UTC");
    assert_eq!(next_time(&once, time("2026-07-01T12:00:00Z")), None);
    assert_eq!(next_time(&schedule("cron(0 0 1 1 ? 2020)", "UTC"), time("2026-01-01T00:00:00Z")), None);
    assert_eq!(next_time(&schedule("cron(0 0 30 2 ? *)", "UTC"), time("2026-01-01T00:00:00Z")), None);
    assert!(super::zone("Mars/Olympus").is_none());
}

#[test]
fn what_is_due_after_a_pause_is_the_last_time() {
    for (expression, after, now, expected) in [
        ("cron(0 10 * * ? *)", "2026-02-01T10:00:00Z", "2026-02-09T12:00:00Z", Some("2026-02-09T10:00:00Z")),
        ("cron(* * * * ? *)", "2025-02-01T10:00:00Z", "2026-02-09T12:00:07Z", Some("2026-02-09T12:00:00Z")),
        (
            "cron(0 0 1 1 ? 2025)",
            "2020-02-01T10:00:00Z",
            "2026-02-09T12:00:07Z",
            Some("2025-01-01T00:00:00Z"),
        ),
        ("rate(1 minute)", "2026-01-01T00:00:30Z", "2026-01-01T09:00:00Z", Some("2026-01-01T08:59:30Z")),
        ("rate(1 minute)", "2026-01-01T00:00:30Z", "2026-01-01T00:01:29Z", None),
        (
            "at(2026-02-01T00:00:00)",
            "2026-01-01T00:00:00Z",
            "2026-09-01T00:00:00Z",
            Some("2026-02-01T00:00:00Z"),
        ),
        ("at(2026-02-01T00:00:00)", "2026-02-01T00:00:00Z", "2026-09-01T00:00:00Z", None),
    ] {
        let due = last_due(&schedule(expression, "UTC"), time(after), time(now));
        assert_eq!(due, expected.map(time), "{expression} after {after}");
    }
}

#[test]
fn what_is_no_expression() {
    for text in [
        "",
        "cron",
        "cron(* * * * *)",
        "cron(* * * * * *)",
        "cron(* * ? * ? *)",
        "cron(60 * * * ? *)",
        "cron(* 24 * * ? *)",
        "cron(* * 0 * ? *)",
        "cron(* * 32 * ? *)",
        "cron(* * * 13 ? *)",
        "cron(* * ? * 8 *)",
        "cron(* * * * ? 1969)",
        "cron(*/0 * * * ? *)",
        "cron(x * * * ? *)",
        "cron(0 0 40W * ? *)",
        "cron(0 0 ? * 3#6 *)",
        "cron(0 0 ? * XL *)",
        "rate(0 minutes)",
        "rate(5)",
        "rate(five minutes)",
        "rate(-1 minutes)",
        "rate(1 second)",
        "rate(99999999999 days)",
        "at(2026-01-01)",
        "at(2026-13-01T00:00:00)",
        "at(2026-01-01T00:00:00Z)",
        "at(2026-04-01)",
        "at(2026-04-01T08:00:00Z)",
        "rate(5 weeks)",
        "rate(-5 minutes)",
        "cron(0 18 * * MON-FRI)",
        "cron(0 18 * * * *)",
        "cron(60 18 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 0 0 * ? *)",
        "cron(0 0 1 13 ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * 2#6 *)",
        "cron(0 0 ? * ? *)",
        "cron(0 0 1 1 ? 1969)",
        "cron(0/0 0 1 1 ? *)",
        "cron(0 0 1 FOO ? *)",
        "each(1)",
        "cron(1-2-3 * * * ? *)",
    ] {
        for rules in [Rules::SCHEDULER, Rules::EVENT_RULES, Rules::SCALING] {
            assert!(Expression::parse(text, rules).is_err(), "{text} {rules:?}");
        }
    }
}

#[test]
fn what_is_one_for_some_services_alone() {
    for (text, scheduler, event_rules, scaling) in [
        ("at(2026-01-01T00:00:00)", true, false, true),
        ("rate(1 minute)", true, true, true),
        ("rate(1 minutes)", true, false, false),
        ("rate(5 minutes)", true, true, true),
        ("rate(5 minute)", true, false, false),
        ("cron(0 22-3 * * ? *)", true, true, false),
        ("cron(0 0 1 1 ? 2030-2020)", false, false, false),
        ("cron(0/60 0 1 1 ? *)", true, true, false),
        ("cron(0 0 L * ? *)", true, true, true),
        ("cron(0 0 1,L * ? *)", false, false, true),
        ("cron(0 0 3W,15 * ? *)", false, false, true),
        ("cron(0 0 ? * MON,6#3 *)", false, false, true),
    ] {
        let rules = [Rules::SCHEDULER, Rules::EVENT_RULES, Rules::SCALING];
        let found = rules.map(|rules| Expression::parse(text, rules).is_ok());
        assert_eq!(found, [scheduler, event_rules, scaling], "{text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let form = "It must have the form at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields).";
    for (text, message) in [
        ("every(5 minutes)", form),
        ("rate(5 minute)", form),
        ("at(2026-01-01)", form),
        ("cron(0 18 * * MON-FRI)", "A cron expression has six fields, this one has 5."),
        ("cron(0 0 ? * ? *)", "Only one of day-of-month and day-of-week may be ?."),
        ("cron(0 0 * * * *)", "One of day-of-month and day-of-week must be ?."),
        ("cron(60 18 * * ? *)", "60 is not between 0 and 59."),
        ("cron(0/0 0 1 1 ? *)", "0 is not between 1 and 59."),
        ("cron(0 0 40W * ? *)", "40 is not between 1 and 31."),
        ("cron(0 0 ? * 2#6 *)", "6 is not between 1 and 5."),
        ("cron(0 0 1 FOO ? *)", "FOO is not between 1 and 12."),
        ("cron(5-1 0 1 1 ? *)", "5-1 ends before it begins."),
    ] {
        let error = Expression::parse(text, Rules::SCALING).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}

fn field(min: u16, max: u16) -> impl Strategy<Value = String> {
    prop_oneof![
        Just("*".to_owned()),
        (min..=max).prop_map(|number| number.to_string()),
        (min..=max, min..=max).prop_map(|(first, last)| format!("{}-{}", first.min(last), first.max(last))),
        (min..=max, 1_u16..20).prop_map(|(first, step)| format!("{first}/{step}")),
    ]
}

proptest! {
    #[test]
    fn times_come_strictly_later_and_fit(
        (minutes, hours, month, day, of_week) in
            (field(0, 59), field(0, 23), field(1, 12), field(1, 28), any::<bool>()),
        weekday in field(1, 7),
        zone_name in prop::sample::select(vec!["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"]),
        after in 1_700_000_000_000_i64..1_900_000_000_000,
    ) {
        let days = if of_week { format!("? {month} {weekday}") } else { format!("{day} {month} ?") };
        let text = format!("cron({minutes} {hours} {days} *)");
        let schedule = schedule(&text, zone_name);
        let Some(next) = next_time(&schedule, Timestamp(after)) else {
            // Possible only where the clocks skip what fits, each year.
            return Ok(());
        };
        prop_assert!(next.0 > after, "{text}");
        let local = schedule.zone.to_datetime(jiff::Timestamp::from_millisecond(next.0).expect("a time"));
        let fields = text.trim_start_matches("cron(").trim_end_matches(')');
        let fields = Cron::parse(fields, Rules::SCHEDULER).expect("a cron");
        prop_assert!(
            fields.times_from(local.date()).take_while(|one| *one <= local).any(|one| one == local),
            "{} {}", text, local
        );
        // Nothing between is due: neither here nor for whoever asks in between.
        prop_assert_eq!(next_time(&schedule, Timestamp(next.0 - 1)), Some(next));
        prop_assert_eq!(next_time(&schedule, Timestamp(after + (next.0 - after) / 2)).filter(|at| *at < next), None);
    }

    #[test]
    fn rates_keep_their_distance(minutes in 1_u64..10_000, after in 1_700_000_000_000_i64..1_900_000_000_000) {
        let schedule = schedule(&format!("rate({minutes} minutes)"), "UTC");
        let next = next_time(&schedule, Timestamp(after)).expect("there is always one");
        prop_assert!(next.0 > after);
        let then = next_time(&schedule, next).expect("there is always one");
        prop_assert_eq!(then.0 - next.0, i64::try_from(minutes).expect("small") * 60_000);
    }
}
