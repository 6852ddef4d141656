use proptest::prelude::*;
use state_model::Scope;
use state_model::delivery::Email;
use stdx::random::SeededRandom;

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn delivery(lane: &str, due: Timestamp, retry: Retry) -> Delivery {
    let email =
        Email { to: String::new(), subject: String::new(), body: String::new(), headers: BTreeMap::new() };
    let scope = Scope::new("000000000000", "us-east-1");
    let random = SeededRandom::shared(1);
    let mut made = Delivery::new(&scope, lane, Action::Email(email), retry, at(0), &*random);
    made.next_at = due;
    made
}

fn in_lane(lane: &str) -> Delivery {
    delivery(lane, at(0), Retry::of_events(None, None))
}

/// Begins as long as there is something; yields the keys.
fn begin_all(schedule: &mut Schedule, now: Timestamp) -> Vec<String> {
    std::iter::from_fn(|| schedule.begin(now)).map(|key| key.to_string()).collect()
}

#[test]
fn lanes_take_turns() {
    let mut schedule = Schedule::default();
    for index in 0..3 {
        schedule.put(&format!("a{index}"), &in_lane("a"));
        schedule.put(&format!("b{index}"), &in_lane("b"));
    }
    assert_eq!(begin_all(&mut schedule, at(0)), ["a0", "b0", "a1", "b1", "a2", "b2"]);
}

#[test]
fn nothing_begins_before_its_time_or_twice() {
    let mut schedule = Schedule::default();
    schedule.put("x", &delivery("a", at(5), Retry::of_events(None, None)));
    assert_eq!((schedule.begin(at(4)), schedule.next_at()), (None, Some(at(5))));
    assert_eq!(begin_all(&mut schedule, at(5)), ["x"]);
    // The record is seen again, changed by somebody else.
    schedule.put("x", &delivery("a", at(1), Retry::of_events(None, None)));
    assert_eq!(begin_all(&mut schedule, at(9)), Vec::<String>::new());
    schedule.end("x", true, None);
    assert_eq!((begin_all(&mut schedule, at(9)), schedule.in_flight()), (vec![], 0));
}

#[test]
fn a_flood_of_one_lane_leaves_room_for_others() {
    let mut schedule = Schedule::default();
    for index in 0..1_000 {
        schedule.put(&format!("a{index:04}"), &in_lane("a"));
    }
    assert_eq!(begin_all(&mut schedule, at(0)).len(), DELIVERIES_PER_LANE_MAX);
    schedule.put("b", &in_lane("b"));
    assert_eq!(begin_all(&mut schedule, at(0)), ["b"]);
}

#[test]
fn lanes_that_fail_share_a_part_of_the_slots() {
    let mut schedule = Schedule::default();
    for lane in 0..DELIVERIES_AT_ONCE_MAX * 2 {
        let name = format!("down{lane:04}");
        schedule.put(&format!("{name}/1"), &in_lane(&name));
        schedule.put(&format!("{name}/2"), &in_lane(&name));
    }
    // Each is tried once, and fails.
    let mut tried = 0;
    while tried < DELIVERIES_AT_ONCE_MAX * 2 {
        for key in begin_all(&mut schedule, at(0)) {
            tried += 1;
            let lane = key.split('/').next().unwrap_or_default();
            schedule.end(&key, false, Some(&delivery(lane, at(100), Retry::of_events(None, None))));
        }
    }
    assert_eq!(begin_all(&mut schedule, at(200)).len(), DELIVERIES_OF_FAILING_LANES_MAX);
    schedule.put("up/1", &in_lane("up"));
    assert_eq!(begin_all(&mut schedule, at(200)), ["up/1"]);
}

#[test]
fn a_rate_paces_its_lane() {
    let mut schedule = Schedule::default();
    for key in ["x", "y"] {
        schedule.put_at(key, "a", at(0), Some(2));
    }
    assert_eq!(begin_all(&mut schedule, at(10)), ["x"]);
    assert_eq!(schedule.next_at(), Some(Timestamp::from_millis(10_500)));
    assert_eq!(begin_all(&mut schedule, Timestamp::from_millis(10_500)), ["y"]);
    // Also when nothing of it waited for a moment.
    schedule.end("x", true, None);
    schedule.end("y", true, None);
    schedule.put_at("z", "a", at(0), Some(2));
    assert_eq!(begin_all(&mut schedule, Timestamp::from_millis(10_999)), Vec::<String>::new());
    assert_eq!(begin_all(&mut schedule, at(11)), ["z"]);
    schedule.end("z", true, None);
    assert_eq!(begin_all(&mut schedule, at(12)), Vec::<String>::new());
    assert!(schedule.lanes.is_empty());
}

#[test]
fn failures_lead_to_their_next_time_or_to_the_end() {
    let random = SeededRandom::shared(1);
    let listed = |secs: &[u32], retries_max| Retry {
        retries_max,
        age_max_secs: 3_600,
        backoff: Backoff::Listed(secs.to_vec()),
    };
    let check = |retry: Retry, attempts: u32, now: i64, expect: Option<i64>| {
        let mut tried = delivery("a", at(0), retry);
        tried.attempts = attempts;
        match (failed(&tried, "down", at(now), &*random), expect) {
            (Next::Again(again), Some(expect)) => {
                assert_eq!((again.next_at, again.attempts), (at(expect), attempts + 1));
                assert_eq!(again.last_error.as_deref(), Some("down"));
            }
            (next, expect) => assert_eq!(next == Next::Drop, expect.is_none(), "{next:?}"),
        }
    };
    check(listed(&[20], 3), 0, 10, Some(30));
    check(listed(&[0, 5], 3), 0, 10, Some(10));
    check(listed(&[0, 5], 3), 2, 10, Some(15));
    check(listed(&[20], 3), 3, 10, None);
    check(listed(&[20], 0), 0, 10, None);
    check(listed(&[20], 100), 1, 3_590, None);
}

proptest! {
    /// Whatever comes in whatever order: everything is tried until it arrived, never twice at once, within the bounds.
    #[test]
    fn everything_is_tried_until_it_arrived(
        lanes in proptest::collection::vec(0_usize..40, 1..400),
        fails in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let mut schedule = Schedule::default();
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        for (index, lane) in lanes.iter().enumerate() {
            let key = format!("{index}");
            schedule.put(&key, &in_lane(&lane.to_string()));
            left.insert(key, *lane);
        }
        let mut attempts: BTreeMap<String, u32> = BTreeMap::new();
        let mut now = at(0);
        for _ in 0..5_000 {
            let begun = begin_all(&mut schedule, now);
            prop_assert!(schedule.in_flight() <= DELIVERIES_AT_ONCE_MAX);
            let unique: BTreeSet<&String> = begun.iter().collect();
            prop_assert_eq!(unique.len(), begun.len());
            for key in begun {
                let lane = left[&key];
                let tried = attempts.entry(key.clone()).or_default();
                *tried += 1;
                if fails[lane] && *tried < 3 {
                    let again = delivery(&lane.to_string(), now.plus(Duration::from_secs(1)), Retry::of_events(None, None));
                    schedule.end(&key, false, Some(&again));
                } else {
                    schedule.end(&key, true, None);
                    left.remove(&key);
                }
            }
            now = now.plus(Duration::from_secs(1));
            if left.is_empty() {
                break;
            }
        }
        prop_assert!(left.is_empty());
        prop_assert_eq!((schedule.in_flight(), schedule.lanes.len(), schedule.places.len()), (0, 0, 0));
        prop_assert!(schedule.ready.is_empty() && schedule.waiting.is_empty());
    }
}
