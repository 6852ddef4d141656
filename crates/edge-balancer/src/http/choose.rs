//! Which target of a group gets a request.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stdx::clock::Timestamp;

use super::dice::Dice;
use crate::runtime::eligible::Choice;
use crate::runtime::options::{Algorithm, TargetGroupOptions};
use crate::runtime::{Target, TargetGroup};

/// One of those that may be used. None: there is none.
pub fn choose(group: &TargetGroup, choice: &Choice, now: Timestamp, dice: &Dice) -> Option<Arc<Target>> {
    let targets = &choice.targets;
    let index = match group.options.algorithm {
        Algorithm::RoundRobin => round_robin(group, targets, now, dice)?,
        Algorithm::WeightedRandom => dice.below(targets.len() as u64) as usize,
        Algorithm::LeastOutstandingRequests => least_outstanding(targets, dice.roll() as usize)?,
    };
    targets.get(index).cloned()
}

/// Any but the one that could not be reached just now. It takes no turn of the round robin: that would shift those who
/// come next towards the one that fails.
pub fn another(choice: &Choice, failed: &Target, dice: &Dice) -> Option<Arc<Target>> {
    let targets = &choice.targets;
    let start = dice.below(targets.len() as u64) as usize;
    let mut from_start = targets[start..].iter().chain(&targets[..start]);
    from_start.find(|target| target.serial != failed.serial).cloned()
}

fn round_robin(group: &TargetGroup, targets: &[Arc<Target>], now: Timestamp, dice: &Dice) -> Option<usize> {
    let turn = |of: usize| group.next_turn().checked_rem(of);
    let Some(slow_start) = group.options.slow_start else { return turn(targets.len()) };
    if !targets.iter().any(|target| warmth(target, slow_start, now) >= 1.0) {
        // Without a warm one there is nobody who could take what the cold ones are spared.
        return turn(targets.len());
    }
    // A cold target passes on what its share doesn't cover.
    for _ in 0..targets.len() * 2 {
        let index = turn(targets.len())?;
        let share = warmth(&targets[index], slow_start, now);
        if share >= 1.0 || (dice.below(1000) as f64) < share * 1000.0 {
            return Some(index);
        }
    }
    turn(targets.len())
}

/// How much of its share a target gets: it grows evenly from when it turned healthy.
fn warmth(target: &Target, slow_start: Duration, now: Timestamp) -> f64 {
    let Some(since) = target.healthy_since() else { return 1.0 };
    let age = now.since(since).as_secs_f64();
    (age / slow_start.as_secs_f64()).clamp(0.02, 1.0)
}

/// The first with the fewest from a random place on, so that equals share.
fn least_outstanding(targets: &[Arc<Target>], start: usize) -> Option<usize> {
    let order = (0..targets.len()).map(|step| (start % targets.len() + step) % targets.len());
    order.min_by_key(|index| targets[*index].in_flight.load(Ordering::Relaxed))
}

/// Whether a target that a cookie names may still be used.
pub fn is_usable(target: &Target, choice: &Choice) -> bool {
    choice.targets.iter().any(|eligible| eligible.serial == target.serial)
}

/// Whether requests of this group leave the zone of the balancer: always for application load balancers, unless the group says no.
pub fn is_cross_zone(options: &TargetGroupOptions) -> bool {
    options.cross_zone.unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use link_protocol::edge::{LastHealth, TargetConfig, TargetGroupConfig};
    use state_model::elbv2::target::HealthState;
    use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
    use stdx::clock::FakeClock;
    use stdx::random::SeededRandom;

    use super::*;
    use crate::runtime::Runtime;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn group(attributes: &[(&str, &str)], healthy_for_secs: &[Option<i64>]) -> Arc<TargetGroup> {
        let target = |(index, healthy_for): (usize, &Option<i64>)| TargetConfig {
            id: format!("10.0.0.{index}"),
            address: [10, 0, 0, u8::try_from(index).unwrap()].into(),
            port: 80,
            availability_zone: None,
            registered_at: NOW,
            draining_since: None,
            last_health: healthy_for.map(|secs| LastHealth {
                state: HealthState::Healthy,
                reason: None,
                description: None,
                since: NOW.minus(Duration::from_secs(secs.unsigned_abs())),
            }),
        };
        let config = TargetGroupConfig {
            arn: "arn".to_owned(),
            path: "targetgroup/g/0".to_owned(),
            protocol: "HTTP".to_owned(),
            protocol_version: ProtocolVersion::Http1,
            port: 80,
            target_type: TargetType::Ip,
            health_check: HealthCheck {
                protocol: "HTTP".to_owned(),
                port: "traffic-port".to_owned(),
                path: None,
                interval_secs: 30,
                timeout_secs: 5,
                healthy_threshold: 5,
                unhealthy_threshold: 2,
                matcher: None,
            },
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            load_balancer_arn: None,
            targets: healthy_for_secs.iter().enumerate().map(target).collect(),
        };
        Runtime::new(FakeClock::at(NOW)).set_target_group(config).0
    }

    /// How often each target is chosen.
    fn counts(group: &TargetGroup, rounds: usize) -> Vec<usize> {
        let dice = Dice::new(&*SeededRandom::shared(5));
        let mut counts = vec![0; group.targets.len()];
        for _ in 0..rounds {
            let chosen = choose(group, &group.eligible().all, NOW, &dice).unwrap();
            let index = group.targets.iter().position(|target| target.serial == chosen.serial).unwrap();
            counts[index] += 1;
        }
        counts
    }

    #[test]
    fn round_robin_is_even_and_skips_the_unhealthy() {
        assert_eq!(counts(&group(&[], &[Some(9), None, Some(9)]), 10), [5, 0, 5]);
        // Fail-open.
        assert_eq!(counts(&group(&[], &[None, None]), 10), [5, 5]);
        let empty = group(&[], &[]);
        let dice = Dice::new(&*SeededRandom::shared(5));
        assert!(choose(&empty, &empty.eligible().all, NOW, &dice).is_none());
    }

    #[test]
    fn there_is_another_unless_it_is_alone() {
        let dice = Dice::new(&*SeededRandom::shared(5));
        let two = group(&[], &[Some(9), Some(9)]);
        for _ in 0..10 {
            let chosen = another(&two.eligible().all, &two.targets[0], &dice).unwrap();
            assert_eq!(chosen.serial, two.targets[1].serial);
        }
        let one = group(&[], &[Some(9)]);
        assert!(another(&one.eligible().all, &one.targets[0], &dice).is_none());
    }

    #[test]
    fn the_least_loaded_is_chosen() {
        let algorithm = [("load_balancing.algorithm.type", "least_outstanding_requests")];
        let group = group(&algorithm, &[Some(9), Some(9), Some(9)]);
        group.targets[0].in_flight.store(3, Ordering::Relaxed);
        group.targets[1].in_flight.store(1, Ordering::Relaxed);
        group.targets[2].in_flight.store(2, Ordering::Relaxed);
        assert_eq!(counts(&group, 10), [0, 10, 0]);
    }

    #[test]
    fn weighted_random_reaches_all() {
        let group = group(&[("load_balancing.algorithm.type", "weighted_random")], &[Some(9); 3]);
        assert!(counts(&group, 300).iter().all(|count| *count > 60));
    }

    #[test]
    fn a_cold_target_gets_less() {
        let slow = [("slow_start.duration_seconds", "100")];
        let counts_of = |ages: &[Option<i64>]| counts(&group(&slow, ages), 1000);
        let mixed = counts_of(&[Some(200), Some(10)]);
        assert!((50..200).contains(&mixed[1]), "{mixed:?}");
        // Nobody is warm: all the same.
        assert_eq!(counts_of(&[Some(10), Some(90)]), [500, 500]);
    }
}
