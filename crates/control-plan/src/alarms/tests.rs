//! Data points are letters, newest right: X breaches, 0 doesn't, - is missing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use state_model::Scope;
use state_model::cloudwatch::rule::Rule;
use state_model::cloudwatch::{
    AlarmState, AlarmSuppression, Comparison, MetricSource, MetricStat, MetricWatch, StateValue,
    SuppressedBy, Suppressor, TreatMissingData, Windows,
};
use stdx::clock::Timestamp;

use super::composite::{self, Child, Step};
use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_763_703_060);

fn watch(m: u32, n: u32, treat: TreatMissingData) -> MetricWatch {
    MetricWatch {
        source: MetricSource::One(MetricStat {
            namespace: "N".into(),
            name: "m".into(),
            dimensions: BTreeMap::new(),
            period_secs: 60,
            stat: "Average".into(),
            unit: None,
        }),
        comparison: Comparison::GreaterThanThreshold,
        threshold: 70.0,
        evaluation_periods: n,
        datapoints_to_alarm: Some(m),
        treat_missing_data: treat,
        evaluate_low_sample_count: None,
        windows: Windows::Aligned,
    }
}

fn windows(letters: &str) -> Vec<Window> {
    let letters: Vec<char> = letters.chars().filter(|letter| *letter != ' ').collect();
    let point = |value| Some(Datapoint { value, samples: None });
    let window = |(place, letter): (usize, &char)| Window {
        at: NOW.minus(std::time::Duration::from_secs(60 * (letters.len() - place) as u64)),
        point: match letter {
            'X' => point(80.0),
            '0' => point(10.0),
            _ => None,
        },
    };
    letters.iter().enumerate().map(window).collect()
}

fn decide(watch: &MetricWatch, letters: &str, state: StateValue) -> Option<Next> {
    let windows = windows(letters);
    evaluate(&Evidence { watch, windows: &windows, state, now: NOW, gaps_from: Timestamp::from_secs(0) })
}

/// The state after the evaluation.
fn state_after(watch: &MetricWatch, letters: &str, state: StateValue) -> StateValue {
    decide(watch, letters, state).map_or(state, |next| next.value)
}

const TREATMENTS: [TreatMissingData; 4] = [
    TreatMissingData::Missing,
    TreatMissingData::Ignore,
    TreatMissingData::Breaching,
    TreatMissingData::NotBreaching,
];

const STATES: [StateValue; 3] = [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData];

/// The tables of "Configuring how CloudWatch alarms treat missing data": per treatment in the order above, `None` retains.
#[test]
fn missing_data_is_treated_as_the_user_guide_says() {
    use StateValue::{Alarm, InsufficientData, Ok};
    let same = |value| [Some(value); 4];
    for (m, letters, expected) in [
        (3, "0 - X - X", same(Ok)),
        (3, "0 - - - -", same(Ok)),
        (3, "- - - - -", [Some(InsufficientData), None, Some(Alarm), Some(Ok)]),
        (3, "0 X X - X", same(Alarm)),
        (3, "- - X - -", [Some(Alarm), None, Some(Alarm), Some(Ok)]),
        (2, "0 - X - X", same(Alarm)),
        (2, "0 0 X 0 X", same(Alarm)),
        (2, "0 - X - -", [Some(Ok), Some(Ok), Some(Alarm), Some(Ok)]),
        (2, "- - - - 0", [Some(Ok), Some(Ok), Some(Alarm), Some(Ok)]),
        (2, "- - - X -", [Some(Alarm), None, Some(Alarm), Some(Ok)]),
        // Premature: the next one may be fine.
        (3, "- - - - X", [None, None, Some(Alarm), Some(Ok)]),
        (3, "- - - X -", [None, None, Some(Alarm), Some(Ok)]),
        (3, "- - - X 0", [Some(Ok), Some(Ok), Some(Ok), Some(Ok)]),
        (3, "- - X - 0", [Some(Ok), Some(Ok), Some(Ok), Some(Ok)]),
    ] {
        for (treat, expected) in TREATMENTS.into_iter().zip(expected) {
            for state in STATES {
                let found = state_after(&watch(m, 3, treat), letters, state);
                assert_eq!(found, expected.unwrap_or(state), "{m} of 3, {letters}, {treat:?}, in {state:?}");
            }
        }
    }
}

#[test]
fn gaps_from_before_a_start_prove_nothing() {
    let late = NOW.minus(std::time::Duration::from_secs(120));
    for (letters, expected) in
        [("- - - - -", None), ("- - 0 - -", None), ("0 X X - X", Some(StateValue::Alarm))]
    {
        for treat in TREATMENTS {
            let (watch, windows) = (watch(3, 3, treat), windows(letters));
            let evidence = Evidence {
                watch: &watch,
                windows: &windows,
                state: StateValue::Ok,
                now: NOW,
                gaps_from: late,
            };
            assert_eq!(evaluate(&evidence).map(|next| next.value), expected, "{letters} {treat:?}");
        }
    }
}

/// M, N, the treatment of missing data, data points, the state before; and the reason.
const REASONS: [(u32, u32, TreatMissingData, &str, StateValue, &str); 9] = [
    (
        1,
        1,
        TreatMissingData::Missing,
        "0 0 X",
        StateValue::Ok,
        "Threshold Crossed: 1 out of the last 1 datapoints [80.0 (21/11/25 05:30:00)] was greater than the \
             threshold (70.0) (minimum 1 datapoint for OK -> ALARM transition).",
    ),
    (
        2,
        2,
        TreatMissingData::Missing,
        "0 0 X X",
        StateValue::Ok,
        "Threshold Crossed: 2 out of the last 2 datapoints [80.0 (21/11/25 05:30:00), 80.0 (21/11/25 05:29:00)] were \
             greater than the threshold (70.0) (minimum 2 datapoints for OK -> ALARM transition).",
    ),
    (
        1,
        1,
        TreatMissingData::Missing,
        "X X 0",
        StateValue::Alarm,
        "Threshold Crossed: 1 out of the last 1 datapoints [10.0 (21/11/25 05:30:00)] was not greater than the \
             threshold (70.0) (minimum 1 datapoint for ALARM -> OK transition).",
    ),
    (
        1,
        1,
        TreatMissingData::Missing,
        "- - 0",
        StateValue::InsufficientData,
        "Threshold Crossed: 1 datapoint [10.0 (21/11/25 05:30:00)] was not greater than the threshold (70.0).",
    ),
    (1, 1, TreatMissingData::Missing, "- - -", StateValue::Ok, "Insufficient Data: 1 datapoint was unknown."),
    (
        3,
        3,
        TreatMissingData::Missing,
        "- - - - -",
        StateValue::Ok,
        "Insufficient Data: 3 datapoints were unknown.",
    ),
    (
        3,
        3,
        TreatMissingData::Breaching,
        "- - - - -",
        StateValue::Ok,
        "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as \
             [Breaching].",
    ),
    (
        1,
        1,
        TreatMissingData::NotBreaching,
        "- - -",
        StateValue::Alarm,
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as \
             [NonBreaching].",
    ),
    (
        3,
        3,
        TreatMissingData::Breaching,
        "- - - - X",
        StateValue::Ok,
        "Threshold Crossed: 1 out of the last 3 datapoints [80.0 (21/11/25 05:30:00)] was greater than the \
             threshold (70.0), and 2 missing datapoints were treated as [Breaching] (minimum 3 datapoints for OK -> ALARM \
             transition).",
    ),
];

#[test]
fn reasons_are_in_cloudwatchs_words() {
    for (m, n, treat, letters, state, expected) in REASONS {
        let next = decide(&watch(m, n, treat), letters, state).expect("the state changes");
        assert_eq!(next.reason, expected, "{m} of {n} {letters}");
    }
    let next = decide(&watch(6, 6, TreatMissingData::Missing), "0 0 X X X X X X", StateValue::Ok)
        .expect("it changes");
    assert!(
        next.reason.starts_with(
            "Threshold Crossed: 6 out of the last 6 datapoints were greater than the threshold (70.0). The most recent \
             datapoints: [80.0 (21/11/25 05:30:00), "
        ),
        "{}",
        next.reason
    );
}

#[test]
fn reason_data_holds_what_was_evaluated() {
    let next =
        decide(&watch(2, 2, TreatMissingData::Missing), "0 0 X X", StateValue::Ok).expect("it changes");
    let data: serde_json::Value = serde_json::from_str(&next.reason_data.expect("data")).expect("JSON");
    assert_eq!(
        data,
        serde_json::json!({
            "version": "1.0",
            "queryDate": "2025-11-21T05:31:00.000+0000",
            "startDate": "2025-11-21T05:29:00.000+0000",
            "statistic": "Average",
            "period": 60,
            "recentDatapoints": [80.0, 80.0],
            "threshold": 70.0,
            "evaluatedDatapoints": [
                { "timestamp": "2025-11-21T05:30:00.000+0000", "value": 80.0 },
                { "timestamp": "2025-11-21T05:29:00.000+0000", "value": 80.0 },
            ],
        })
    );
}

#[test]
fn comparisons_include_their_bound_or_not() {
    use Comparison::*;
    for (comparison, below, equal, above) in [
        (GreaterThanThreshold, false, false, true),
        (GreaterThanOrEqualToThreshold, false, true, true),
        (LessThanThreshold, true, false, false),
        (LessThanOrEqualToThreshold, true, true, false),
    ] {
        for (value, expected) in [(69.0, below), (70.0, equal), (71.0, above)] {
            assert_eq!(comparison.is_breached_by(value, 70.0), expected, "{comparison:?} {value}");
        }
    }
}

#[test]
fn percentiles_of_few_samples_are_ignored_when_asked() {
    let mut watch = watch(1, 1, TreatMissingData::Missing);
    let MetricSource::One(stat) = &mut watch.source else { unreachable!() };
    stat.stat = "p99".into();
    for (evaluates, samples, expected) in [
        (Some(false), 999.0, None),
        (Some(false), 1_001.0, Some(StateValue::Alarm)),
        (Some(true), 1.0, Some(StateValue::Alarm)),
        (None, 1.0, Some(StateValue::Alarm)),
    ] {
        watch.evaluate_low_sample_count = evaluates;
        let windows = [Window { at: NOW, point: Some(Datapoint { value: 80.0, samples: Some(samples) }) }];
        let evidence = Evidence {
            watch: &watch,
            windows: &windows,
            state: StateValue::Ok,
            now: NOW,
            gaps_from: Timestamp::from_secs(0),
        };
        assert_eq!(evaluate(&evidence).map(|next| next.value), expected, "{evaluates:?} {samples}");
    }
}

#[test]
fn alarms_are_due_a_moment_after_their_periods() {
    let at = Timestamp::from_millis;
    for (period, windows, now, end, due) in [
        (60, Windows::Aligned, 120_000, 60, 121_500),
        (60, Windows::Aligned, 121_500, 120, 181_500),
        (300, Windows::Aligned, 121_500, 120, 181_500),
        (10, Windows::Aligned, 121_500, 120, 131_500),
        (20, Windows::Aligned, 131_500, 120, 141_500),
        (60, Windows::Sliding, 121_250, 121, 122_250),
        (60, Windows::Sliding, 121_249, 120, 121_250),
    ] {
        let mut watch = watch(1, 1, TreatMissingData::Missing);
        let MetricSource::One(stat) = &mut watch.source else { unreachable!() };
        stat.period_secs = period;
        watch.windows = windows;
        assert_eq!(
            schedule::newest_end(&watch, at(now)),
            Timestamp::from_secs(end),
            "{period} {windows:?} {now}"
        );
        assert_eq!(schedule::next_due(&watch, at(now)), at(due), "{period} {windows:?} {now}");
    }
}

fn child(name: &str, value: StateValue, secs: i64) -> Child {
    Child {
        arn: format!("arn:{name}"),
        state: AlarmState {
            scope: Scope::new("000000000000", "us-east-1"),
            name: name.into(),
            uid: String::new(),
            value,
            reason: String::new(),
            reason_data: None,
            updated_at: Timestamp::from_secs(secs),
            transitioned_at: Timestamp::from_secs(secs),
        },
    }
}

#[test]
fn a_composite_alarm_follows_its_children() {
    let rule = Rule::parse("ALARM(a) AND NOT ALARM(b)", &Scope::new("000000000000", "us-east-1"));
    let rule = rule.expect("it is well formed");
    let children = [child("a", StateValue::Alarm, 1_763_703_000), child("b", StateValue::Ok, 5)];
    let decision = composite::evaluate(&rule, StateValue::Ok, &children).expect("it changes");
    assert_eq!(decision.next.value, StateValue::Alarm);
    assert_eq!(decision.next.reason, "arn:a transitioned to ALARM at Friday 21 November, 2025 05:30:00 UTC");
    assert_eq!(composite::evaluate(&rule, StateValue::Alarm, &children), None);
    let gone = &children[1..];
    let decision = composite::evaluate(&rule, StateValue::Alarm, gone).expect("it changes");
    assert_eq!(decision.next.value, StateValue::Ok);
}

#[test]
fn held_back_actions_wait_for_the_suppressor() {
    use StateValue::{Alarm, Ok};
    use SuppressedBy::{ExtensionPeriod, WaitPeriod};
    let suppressor = Suppressor { alarm: "s".into(), wait_secs: 60, extension_secs: 30 };
    let at = |secs: i64| Timestamp::from_secs(1_000 + secs);
    for (by, state, now, expected) in [
        (WaitPeriod, Ok, 59, Step::Wait(Some(at(60)))),
        (WaitPeriod, Ok, 60, Step::Release),
        (WaitPeriod, Alarm, 60, Step::By(SuppressedBy::Alarm)),
        (SuppressedBy::Alarm, Alarm, 9_999, Step::Wait(None)),
        (SuppressedBy::Alarm, Ok, 9_999, Step::By(ExtensionPeriod)),
        (ExtensionPeriod, Ok, 29, Step::Wait(Some(at(30)))),
        (ExtensionPeriod, Ok, 30, Step::Release),
        (ExtensionPeriod, Alarm, 10, Step::By(SuppressedBy::Alarm)),
    ] {
        let suppression = AlarmSuppression {
            scope: Scope::new("000000000000", "us-east-1"),
            name: "c".into(),
            uid: String::new(),
            by,
            reason: String::new(),
            since: at(0),
            told: Ok,
        };
        assert_eq!(composite::follow(&suppression, &suppressor, state, at(now)), expected, "{by:?} {now}");
    }
}

fn letters(range: usize) -> impl Strategy<Value = String> {
    let letter = prop_oneof![Just('X'), Just('0'), Just('-')];
    proptest::collection::vec(letter, range).prop_map(|letters| letters.into_iter().collect())
}

fn settings() -> impl Strategy<Value = (MetricWatch, String, StateValue)> {
    (1_u32..6, 1_u32..6, 0_usize..4, 0_usize..3).prop_flat_map(|(m, more, treat, state)| {
        let n = m + more - 1;
        let watch = watch(m, n, TREATMENTS[treat]);
        (Just(watch), letters(n as usize + 2), Just(STATES[state]))
    })
}

proptest! {
    /// The same data gives the same state, however often it is looked at.
    #[test]
    fn constant_data_never_flaps((watch, letters, state) in settings()) {
        let once = state_after(&watch, &letters, state);
        prop_assert_eq!(state_after(&watch, &letters, once), once);
    }

    /// One more breaching point never turns ALARM into anything else.
    #[test]
    fn a_breaching_point_never_ends_an_alarm((watch, letters, state) in settings()) {
        if state_after(&watch, &letters, state) == StateValue::Alarm {
            let later = format!("{}X", &letters[1..]);
            prop_assert_eq!(state_after(&watch, &later, StateValue::Alarm), StateValue::Alarm, "{} {}", letters, later);
        }
    }

    /// As much real data as there are periods decides alone.
    #[test]
    fn enough_data_needs_no_treatment((watch, letters, state) in settings()) {
        if letters.chars().filter(|letter| *letter != '-').count() >= watch.evaluation_periods as usize {
            let found = TREATMENTS.map(|treat| {
                state_after(&MetricWatch { treat_missing_data: treat, ..watch.clone() }, &letters, state)
            });
            prop_assert!(found.iter().all(|value| *value == found[0]), "{:?}", found);
        }
    }

    /// A reason always fits.
    #[test]
    fn reasons_are_short((watch, letters, state) in settings()) {
        if let Some(next) = decide(&watch, &letters, state) {
            prop_assert!(next.reason.len() <= 1_023 && !next.reason.is_empty());
        }
    }
}
