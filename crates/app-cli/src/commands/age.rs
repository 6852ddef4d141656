//! How long ago something was, at a glance.

use serde_json::Value;
use stdx::clock::Timestamp;

/// The age of what happened at `at`, a time as the JSON protocol tells it: `42s`, `17m`, `3h`, `2d`.
pub fn of(at: &Value, now: Timestamp) -> String {
    match at.as_f64() {
        Some(at) => short(now.as_secs_f64() - at),
        None => String::from("-"),
    }
}

fn short(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let check = |seconds: f64, expected: &str| assert_eq!(short(seconds), expected, "{seconds}");
        check(-1.0, "0s");
        check(119.9, "119s");
        check(120.0, "2m");
        check(7_200.0, "2h");
        check(172_800.0, "2d");
        assert_eq!(of(&Value::Null, Timestamp::from_secs(1)), "-");
    }
}
