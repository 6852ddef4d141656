//! Examples of the user guide, and what it says in words.

use state_model::autoscaling::{AdjustmentType, LastChange, Suspended};
use state_model::cloudwatch::Comparison;

use super::super::{Bound, Situation, bounded, scheduled_bounds};
use super::*;

#[test]
fn targets_are_tracked_in_proportion() {
    let policy = tracking(50.0, (300, 300));
    for (desired, value, expect) in [
        (4, 75.0, "6"),
        (3, 51.0, "4"),
        (10, 100.0, "20"),
        (10, 500.0, "20"),
        (3, 50.0, "AlreadyAtDesiredCapacity"),
        (20, 90.0, "AlreadyAtMaxCapacity"),
        (25, 90.0, "AlreadyAtMaxCapacity"),
        (0, 90.0, "1"),
    ] {
        assert_eq!(told(&situation(desired, vec![high(&policy, &[value])])), expect, "{desired} at {value}");
    }
    for (desired, value, expect) in [
        (10, 20.0, "4"),
        (10, 44.0, "9"),
        (2, 26.0, "AutoScalingAnticipatedFlapping"),
        (4, 40.0, "AutoScalingAnticipatedFlapping"),
        (3, 1.0, "1"),
        (3, 0.0, "1"),
        (1, 0.0, "AlreadyAtMinCapacity"),
        (4, 60.0, "-"),
    ] {
        assert_eq!(told(&situation(desired, vec![low(&policy, &[value])])), expect, "{desired} at {value}");
    }
    assert_eq!(told(&situation(4, vec![high(&policy, &[])])), "-", "without data");
    assert_eq!(told(&situation(4, vec![low(&policy, &[])])), "-", "without data");
    // Multiples aren't rounded up by what binary fractions add.
    let exact = tracking(30.0, (300, 300));
    assert_eq!(told(&situation(3, vec![high(&exact, &[50.0])])), "5");
    // The largest of the newest three decides about less.
    assert_eq!(told(&situation(10, vec![low(&policy, &[44.0, 30.0, 10.0, 10.0])])), "6");
}

fn changed(base: u32, to: u32, ended_secs_ago: Option<i64>) -> LastChange {
    let ended_at = ended_secs_ago.map(|ago| Timestamp::from_secs(10_000 - ago));
    LastChange { base, to, cooldown_secs: 300, ended_at }
}

#[test]
fn while_it_cools_down_only_a_larger_result_adds() {
    let policy = tracking(50.0, (300, 300));
    for (last, desired, value, expect) in [
        // Two were added to four: what the guide calls part of the current capacity.
        (changed(4, 6, Some(100)), 6, 75.0, "-"),
        (changed(4, 6, Some(100)), 6, 100.0, "8"),
        (changed(4, 6, None), 6, 100.0, "8"),
        (changed(4, 6, None), 6, 75.0, "-"),
        (changed(4, 6, Some(300)), 6, 75.0, "9"),
        // Somebody has changed it since.
        (changed(4, 6, Some(100)), 5, 75.0, "8"),
    ] {
        let situation =
            Situation { last_out: Some(&last), ..situation(desired, vec![high(&policy, &[value])]) };
        assert_eq!(told(&situation), expect, "{last:?} {desired} at {value}");
    }
    // Without a cooldown too, data of a time before the change was fulfilled says nothing about what there is now.
    let eager = tracking(50.0, (0, 0));
    let fresh = LastChange { cooldown_secs: 0, ..changed(4, 6, Some(30)) };
    let stale = Situation { last_out: Some(&fresh), ..situation(6, vec![high(&eager, &[75.0])]) };
    assert_eq!(told(&stale), "-");
    let old = LastChange { cooldown_secs: 0, ..changed(4, 6, Some(61)) };
    let current = Situation { last_out: Some(&old), ..situation(6, vec![high(&eager, &[75.0])]) };
    assert_eq!(told(&current), "9");
}

#[test]
fn less_waits_for_its_cooldown_and_for_current_data() {
    let policy = tracking(50.0, (300, 300));
    for (last_out, last_in, expect) in [
        (None, None, "4"),
        (None, Some(changed(12, 10, Some(299))), "-"),
        (None, Some(changed(12, 10, Some(300))), "4"),
        (None, Some(changed(12, 10, None)), "-"),
        (Some(changed(5, 10, None)), None, "-"),
        (Some(changed(5, 10, Some(59))), None, "-"),
        (Some(changed(5, 10, Some(120))), None, "4"),
    ] {
        let situation = Situation {
            last_out: last_out.as_ref(),
            last_in: last_in.as_ref(),
            ..situation(10, vec![low(&policy, &[20.0])])
        };
        assert_eq!(told(&situation), expect, "{last_out:?} {last_in:?}");
    }
}

#[test]
fn several_policies_leave_the_most() {
    let (cpu, requests) = (tracking(50.0, (300, 300)), tracking(1000.0, (300, 300)));
    let both = vec![high(&cpu, &[75.0]), high(&requests, &[2000.0])];
    assert_eq!(told(&situation(4, both)), "8");
    let mixed = vec![low(&cpu, &[10.0]), high(&requests, &[1500.0])];
    assert_eq!(told(&situation(4, mixed)), "6");
    let both = vec![low(&cpu, &[10.0]), low(&requests, &[700.0])];
    assert_eq!(told(&situation(10, both)), "7");
    let alone = Situation { is_agreed_in: false, ..situation(10, vec![low(&cpu, &[10.0])]) };
    assert_eq!(told(&alone), "-");
}

#[test]
fn deployments_and_suspensions_hold_what_they_should() {
    let policy = tracking(50.0, (300, 300));
    let fewer = || situation(10, vec![low(&policy, &[20.0])]);
    let more = || situation(10, vec![high(&policy, &[60.0])]);
    let deploying = Situation { is_deploying: true, ..fewer() };
    assert_eq!(told(&deploying), "TargetServicePutResourceAsUnscalable");
    assert_eq!(told(&Situation { is_deploying: true, ..more() }), "12");
    let no_less = Suspended { scale_in: true, ..Suspended::default() };
    let no_more = Suspended { scale_out: true, ..Suspended::default() };
    assert_eq!(told(&Situation { suspended: no_less, ..fewer() }), "-");
    assert_eq!(told(&Situation { suspended: no_less, ..more() }), "12");
    assert_eq!(told(&Situation { suspended: no_more, ..fewer() }), "4");
    assert_eq!(told(&Situation { suspended: no_more, ..more() }), "-");
}

/// The example of the guide: threshold 50, ten tasks.
#[test]
fn steps_adjust_by_the_distance() {
    let out = steps(
        AdjustmentType::PercentChangeInCapacity,
        None,
        &[(Some(0.0), Some(10.0), 0), (Some(10.0), Some(20.0), 10), (Some(20.0), None, 30)],
    );
    let less = steps(
        AdjustmentType::PercentChangeInCapacity,
        None,
        &[(Some(-10.0), Some(0.0), 0), (Some(-20.0), Some(-10.0), -10), (None, Some(-20.0), -30)],
    );
    for (value, expect) in [
        (55.0, "AlreadyAtDesiredCapacity"),
        (60.0, "11"),
        (69.9, "11"),
        (70.0, "13"),
        (99.0, "13"),
        (49.0, "-"),
    ] {
        let call = call(&out, Comparison::GreaterThanThreshold, 50.0, &[value]);
        assert_eq!(told(&situation(10, vec![call])), expect, "at {value}");
    }
    for (value, expect) in
        [(45.0, "AlreadyAtDesiredCapacity"), (40.0, "9"), (31.0, "9"), (30.0, "7"), (1.0, "7"), (51.0, "-")]
    {
        let call = call(&less, Comparison::LessThanOrEqualToThreshold, 50.0, &[value]);
        assert_eq!(told(&situation(10, vec![call])), expect, "at {value}");
    }
}

#[test]
fn parts_are_rounded_towards_nothing() {
    use AdjustmentType::{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity};
    for (kind, magnitude, adjustment, desired, expect) in [
        (ChangeInCapacity, None, 3, 10, "13"),
        (ChangeInCapacity, None, -3, 10, "7"),
        (ChangeInCapacity, None, -30, 10, "1"),
        (ChangeInCapacity, None, 30, 10, "20"),
        (ExactCapacity, None, 5, 10, "5"),
        (ExactCapacity, None, 10, 10, "AlreadyAtDesiredCapacity"),
        (PercentChangeInCapacity, None, 25, 10, "12"),
        (PercentChangeInCapacity, None, 5, 10, "11"),
        (PercentChangeInCapacity, None, -5, 10, "9"),
        (PercentChangeInCapacity, None, -25, 10, "8"),
        (PercentChangeInCapacity, Some(2), 5, 10, "12"),
        (PercentChangeInCapacity, Some(2), -5, 10, "8"),
        (PercentChangeInCapacity, Some(2), 50, 10, "15"),
        (ChangeInCapacity, None, -1, 1, "AlreadyAtMinCapacity"),
        (ChangeInCapacity, None, 1, 20, "AlreadyAtMaxCapacity"),
    ] {
        let policy = steps(kind, magnitude, &[(None, None, adjustment)]);
        let call = call(&policy, Comparison::GreaterThanThreshold, 50.0, &[60.0]);
        let said = told(&situation(desired, vec![call]));
        assert_eq!(said, expect, "{kind:?} {magnitude:?} {adjustment} of {desired}");
    }
}

/// "an alarm triggers a step of 2 … again during the cooldown at 3: only 1 is added".
#[test]
fn a_larger_step_adds_the_difference() {
    let policy =
        steps(AdjustmentType::ChangeInCapacity, None, &[(Some(0.0), Some(10.0), 2), (Some(10.0), None, 3)]);
    let last = changed(4, 6, Some(100));
    for (value, expect) in [(55.0, "-"), (65.0, "7")] {
        let call = call(&policy, Comparison::GreaterThanThreshold, 50.0, &[value]);
        assert_eq!(told(&Situation { last_out: Some(&last), ..situation(6, vec![call]) }), expect);
    }
    let less = steps(AdjustmentType::ChangeInCapacity, None, &[(None, Some(0.0), -1)]);
    let last = changed(7, 6, Some(100));
    let held = call(&less, Comparison::LessThanThreshold, 50.0, &[20.0]);
    assert_eq!(told(&Situation { last_in: Some(&last), ..situation(6, vec![held]) }), "-");
}

#[test]
fn points_are_aggregated_as_the_policy_says() {
    use state_model::autoscaling::{Aggregation, PolicyKind};
    for (aggregation, expect) in
        [(None, "11"), (Some(Aggregation::Minimum), "-"), (Some(Aggregation::Maximum), "13")]
    {
        let mut policy = steps(
            AdjustmentType::ChangeInCapacity,
            None,
            &[(Some(0.0), Some(20.0), 1), (Some(20.0), None, 3)],
        );
        if let PolicyKind::Step(step) = &mut policy.kind {
            step.aggregation = aggregation;
        }
        let call = call(&policy, Comparison::GreaterThanThreshold, 50.0, &[40.0, 60.0, 80.0]);
        assert_eq!(told(&situation(10, vec![call])), expect, "{aggregation:?}");
    }
}

#[test]
fn bounds_pull_what_is_outside() {
    assert_eq!(bounded(1, 2, 4), Some((2, Bound::Minimum)));
    assert_eq!(bounded(5, 2, 4), Some((4, Bound::Maximum)));
    assert_eq!(bounded(3, 2, 4), None);
    for (former, given, expect) in [
        ((1, 4), (Some(2), Some(3)), (2, 3)),
        ((1, 4), (Some(2), None), (2, 4)),
        ((1, 4), (Some(6), None), (6, 6)),
        ((2, 4), (None, Some(1)), (1, 1)),
        ((2, 4), (None, Some(8)), (2, 8)),
    ] {
        assert_eq!(scheduled_bounds(former, given), expect, "{former:?} {given:?}");
    }
}
