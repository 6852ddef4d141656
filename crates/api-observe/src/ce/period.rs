//! The periods that a request asks for.

use state_model::billing::calendar::{Day, Span};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_observe::ce;

use super::errors::invalid;
use super::limits::{HOURLY_DAYS_MAX, MONTHS_MAX};

const HOUR_SECS: i64 = 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    Daily,
    Monthly,
    Hourly,
}

/// The span of `TimePeriod`, checked.
pub fn span(
    given: Option<&ce::DateInterval>,
    granularity: Granularity,
    now: Timestamp,
) -> Result<Span, ServiceError> {
    let given = given.ok_or_else(|| invalid("TimePeriod must not be null"))?;
    let from = moment("Start", given.start.as_deref(), granularity)?;
    let until = moment("End", given.end.as_deref(), granularity)?;
    if from >= until {
        return Err(invalid("Start date (and hour) should be before end date (and hour)"));
    }
    let today = Day::of(now);
    if from < today.month_plus(-MONTHS_MAX).start() {
        return Err(invalid("You haven't enabled historical data beyond 14 months"));
    }
    if granularity == Granularity::Hourly && from < today.plus(-HOURLY_DAYS_MAX).start() {
        return Err(invalid("Hourly data is available for the past 14 days"));
    }
    if until > today.month_plus(1).start() {
        return Err(invalid("end date past the beginning of next month"));
    }
    Ok(Span { from, until })
}

fn moment(member: &str, text: Option<&str>, granularity: Granularity) -> Result<Timestamp, ServiceError> {
    let text = text.ok_or_else(|| invalid(format!("TimePeriod.{member} must not be null")))?;
    if granularity != Granularity::Hourly {
        let refuse = || invalid(format!("{member} time {text} is invalid. Valid format is: yyyy-MM-dd."));
        return Day::parse(text).map(Day::start).ok_or_else(refuse);
    }
    let hour = Timestamp::parse_rfc3339(text)
        .filter(|at| text.ends_with('Z') && text.len() == 20 && at.as_secs().rem_euclid(HOUR_SECS) == 0);
    hour.ok_or_else(|| {
        invalid(format!("{member} time {text} is invalid. Valid format is: yyyy-MM-ddThh:00:00Z."))
    })
}

/// The span cut into periods: the first and the last month may be parts of one.
pub fn periods(span: Span, granularity: Granularity) -> Vec<Span> {
    let mut periods = Vec::new();
    let mut from = span.from;
    while from < span.until {
        let next = match granularity {
            Granularity::Hourly => Timestamp(from.0 + HOUR_SECS * 1000),
            Granularity::Daily => Day::of(from).plus(1).start(),
            Granularity::Monthly => Day::of(from).month_plus(1).start(),
        };
        let until = next.min(span.until);
        periods.push(Span { from, until });
        from = until;
    }
    periods
}

pub fn interval(span: Span, granularity: Granularity) -> ce::DateInterval {
    let text = |at: Timestamp| match granularity {
        Granularity::Hourly => at.to_rfc3339_secs(),
        Granularity::Daily | Granularity::Monthly => Day::of(at).to_string(),
    };
    ce::DateInterval { start: Some(text(span.from)), end: Some(text(span.until)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_fill_the_span() {
        let now = Day::parse("2026-11-27").expect("a day").start();
        for (granularity, from, until, count, refusal) in [
            (Granularity::Daily, "2026-11-01", "2026-11-28", 27, ""),
            (Granularity::Monthly, "2026-09-05", "2026-11-28", 3, ""),
            (Granularity::Hourly, "2026-11-26T00:00:00Z", "2026-11-27T03:00:00Z", 27, ""),
            (Granularity::Daily, "2026-11-01", "2026-12-01", 30, ""),
            (Granularity::Daily, "2026-11-01", "2026-12-02", 0, "end date past"),
            (Granularity::Daily, "2026-11-02", "2026-11-02", 0, "should be before"),
            (Granularity::Daily, "2025-08-31", "2026-11-02", 0, "14 months"),
            (Granularity::Hourly, "2026-11-12T00:00:00Z", "2026-11-27T03:00:00Z", 0, "14 days"),
            (Granularity::Hourly, "2026-11-26", "2026-11-27", 0, "yyyy-MM-ddThh"),
            (Granularity::Daily, "2026-11-26T00:00:00Z", "2026-11-27", 0, "yyyy-MM-dd."),
        ] {
            let interval = ce::DateInterval { start: Some(from.into()), end: Some(until.into()) };
            match span(Some(&interval), granularity, now) {
                Ok(span) => {
                    let periods = periods(span, granularity);
                    assert_eq!((periods.len(), ""), (count, refusal), "{from} {until}");
                    assert_eq!(super::interval(span, granularity), interval);
                }
                Err(error) => assert!(!refusal.is_empty() && error.message.contains(refusal), "{error:?}"),
            }
        }
    }
}
