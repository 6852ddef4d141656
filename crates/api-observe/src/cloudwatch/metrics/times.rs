//! Periods, and where they begin.

use stdx::clock::Timestamp;
use wire_schema::{Instant, ServiceError};

use super::errors::{invalid_value, required};

const DAY_SECS: i64 = 24 * 3600;
/// Seconds of resolution are kept for three hours.
const SECONDS_KEPT: i64 = 3 * 3600;

/// Seconds: 1, 5, 10, 20, 30, or a multiple of 60.
pub fn period(given: Option<i32>, parameter: &str) -> Result<u32, ServiceError> {
    let period = given.ok_or_else(|| required(parameter))?;
    let good = matches!(period, 1 | 5 | 10 | 20 | 30) || (period > 0 && period % 60 == 0);
    if !good || i64::from(period) > 455 * DAY_SECS {
        return Err(invalid_value(format!(
            "The parameter {parameter} must be 1, 5, 10, 20, 30 or a multiple of 60."
        )));
    }
    Ok(period.unsigned_abs())
}

/// Both ends, in order.
pub fn range(start: Option<Instant>, end: Option<Instant>) -> Result<(Timestamp, Timestamp), ServiceError> {
    let start = start.ok_or_else(|| required("StartTime"))?;
    let end = end.ok_or_else(|| required("EndTime"))?;
    if start.millis >= end.millis {
        return Err(invalid_value("The parameter StartTime must be less than the parameter EndTime."));
    }
    Ok((Timestamp(start.millis), Timestamp(end.millis)))
}

/// Where the first period begins: rounded down to a full minute, five minutes when it lies more than 15 days back, an hour
/// beyond 63 days; periods under a minute to themselves, as long as seconds are kept.
pub fn aligned(start: Timestamp, period: u32, now: Timestamp) -> Timestamp {
    let age = now.as_secs() - start.as_secs();
    let granularity = match age {
        _ if period < 60 && age <= SECONDS_KEPT => i64::from(period),
        _ if age < 15 * DAY_SECS => 60,
        _ if age < 63 * DAY_SECS => 300,
        _ => 3600,
    };
    Timestamp::from_secs(start.as_secs().div_euclid(granularity) * granularity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_rounded_by_age() {
        let now = Timestamp::from_secs(1_800_000_000);
        for (age, period, expect) in [
            (3_723, 60, 3_780 - 60 + 60),
            (97, 10, 100),
            (97, 60, 120),
            (4 * 3600 + 7, 10, 4 * 3600 + 60),
            (20 * DAY_SECS + 7, 60, 20 * DAY_SECS + 300),
            (70 * DAY_SECS + 7, 60, 70 * DAY_SECS + 3600),
        ] {
            let start = Timestamp::from_secs(now.as_secs() - age);
            let begins = aligned(start, period, now);
            assert_eq!(now.as_secs() - begins.as_secs(), expect, "{age} {period}");
        }
    }

    #[test]
    fn periods_are_those_of_cloudwatch() {
        for good in [1, 5, 10, 20, 30, 60, 300, 86_400] {
            assert_eq!(period(Some(good), "Period").ok(), Some(good.unsigned_abs()));
        }
        for bad in [0, -60, 2, 15, 59, 61, 90, i32::MAX] {
            assert!(period(Some(bad), "Period").is_err(), "{bad}");
        }
        assert_eq!(
            period(None, "Period").map_err(|error| error.code.into_owned()),
            Err("MissingParameter".into())
        );
    }
}
