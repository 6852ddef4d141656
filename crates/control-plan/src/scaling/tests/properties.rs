//! What holds for every load, target and bound.

use proptest::prelude::*;
use state_model::autoscaling::AdjustmentType;
use state_model::cloudwatch::Comparison;

use super::super::simulation::Simulation;
use super::*;

fn bounds() -> impl Strategy<Value = (u32, u32)> {
    (0_u32..20, 0_u32..60).prop_map(|(min, more)| (min, min + more))
}

fn capacity_after(situation: &Situation<'_>) -> u32 {
    match plan(situation, NOW) {
        Outcome::Change(change) => change.to,
        _ => situation.desired,
    }
}

proptest! {
    #[test]
    fn a_change_is_within_its_bounds(
        (min, max) in bounds(),
        desired in 0_u32..100,
        values in proptest::collection::vec(0.0_f64..1e6, 0..4),
        target in 0.1_f64..1e3,
        adjustment in -300_i32..300,
        kind in 0_usize..3,
    ) {
        let kinds = [
            AdjustmentType::ChangeInCapacity,
            AdjustmentType::PercentChangeInCapacity,
            AdjustmentType::ExactCapacity,
        ];
        let (tracked, stepped) = (tracking(target, (0, 0)), steps(kinds[kind], None, &[(None, None, adjustment)]));
        let calls = vec![
            high(&tracked, &values),
            low(&tracked, &values),
            call(&stepped, Comparison::GreaterThanThreshold, target, &values),
        ];
        for one in calls {
            let situation = Situation { min, max, ..situation(desired, vec![one]) };
            if let Outcome::Change(change) = plan(&situation, NOW) {
                prop_assert!((min..=max).contains(&change.to));
                prop_assert!(change.to != desired);
            }
        }
    }

    #[test]
    fn more_load_never_leaves_less(desired in 1_u32..50, value in 0.0_f64..500.0, more in 0.0_f64..500.0, target in 1.0_f64..200.0) {
        let policy = tracking(target, (0, 0));
        let after = |value: f64| {
            let values = [value];
            let one = if value > target { high(&policy, &values) } else { low(&policy, &values) };
            capacity_after(&Situation { min: 0, max: 1_000, ..situation(desired, vec![one]) })
        };
        prop_assert!(after(value) <= after(value + more));
    }

    #[test]
    fn a_constant_load_comes_to_rest(
        (min, max) in bounds(),
        start in 0_u32..40,
        load in 0.0_f64..4_000.0,
        target in 5.0_f64..95.0,
        delay in 0_u32..6,
        cooldowns in (0_u32..600, 0_u32..600),
    ) {
        let policy = tracking(target, cooldowns);
        let start = start.clamp(min, max);
        let mut simulation = Simulation::new(policy, (min, max), start, delay);
        for _ in 0..240 {
            simulation.minute(load);
            prop_assert!((min..=max).contains(&simulation.desired));
        }
        let ends = [&[start], simulation.changes.as_slice()].concat();
        let is_steady = ends.windows(2).all(|pair| pair[0] < pair[1]) || ends.windows(2).all(|pair| pair[0] > pair[1]);
        prop_assert!(is_steady, "{ends:?} goes both ways");
        if start > 0 && simulation.desired > 0 {
            let value = load / f64::from(simulation.desired);
            prop_assert!(value <= target * (1.0 + 1e-6) || simulation.desired == max, "{value} at {ends:?}");
            let with_less = load / f64::from(simulation.desired - 1);
            prop_assert!(
                value >= 0.9 * target || with_less > target * (1.0 - 1e-6) || simulation.desired == min,
                "{value} at {ends:?}, {with_less} with one less"
            );
        }
    }
}
