//! Recorded loads: how far the desired count overshoots what would have been right, how often it changes, and for how long
//! there is too little. The numbers are printed with `--nocapture`.

use super::super::simulation::Simulation;
use super::tracking;

const TARGET: f64 = 50.0;
const MAX: u32 = 40;

#[derive(Debug)]
struct Replayed {
    changes: usize,
    /// The most there was, in parts of what the highest load needs.
    overshoot: f64,
    /// Minutes in which the tasks had more than twice their target.
    overloaded_minutes: usize,
}

fn replay(name: &str, csv: &str, cooldowns: (u32, u32)) -> Replayed {
    let loads: Vec<f64> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).and_then(|text| text.parse().ok()).expect("a line has a load"))
        .collect();
    let mut simulation = Simulation::new(tracking(TARGET, cooldowns), (1, MAX), 2, 1);
    let mut overloaded_minutes = 0;
    for load in &loads {
        if load / f64::from(simulation.desired) > 2.0 * TARGET {
            overloaded_minutes += 1;
        }
        simulation.minute(*load);
    }
    let needed = loads.iter().copied().fold(0.0, f64::max) / TARGET;
    let most = simulation.changes.iter().copied().max().unwrap_or(2);
    let replayed = Replayed {
        changes: simulation.changes.len(),
        overshoot: f64::from(most) / needed.ceil(),
        overloaded_minutes,
    };
    println!("{name} {cooldowns:?}: {replayed:?} {:?}", simulation.changes);
    replayed
}

#[test]
fn a_step_is_followed_at_once() {
    let replayed = replay("step", include_str!("../../../tests/curves/step.csv"), (300, 300));
    assert!(replayed.overshoot <= 1.0, "{replayed:?}");
    assert!(replayed.changes <= 4, "{replayed:?}");
    assert!(replayed.overloaded_minutes <= 3, "{replayed:?}");
}

#[test]
fn a_day_with_noise_is_followed_without_hurry() {
    let replayed = replay("daily", include_str!("../../../tests/curves/daily.csv"), (300, 300));
    assert!(replayed.overshoot <= 1.0, "{replayed:?}");
    assert!(replayed.changes <= 40, "{replayed:?}");
    assert_eq!(replayed.overloaded_minutes, 0, "{replayed:?}");
}

#[test]
fn a_spike_is_let_go_slowly() {
    for cooldowns in [(300, 300), (0, 0)] {
        let replayed = replay("spike", include_str!("../../../tests/curves/spike.csv"), cooldowns);
        assert!(replayed.overshoot <= 1.0, "{replayed:?}");
        assert!(replayed.changes <= 14, "{replayed:?}");
        assert!(replayed.overloaded_minutes <= 8, "{replayed:?}");
    }
}
