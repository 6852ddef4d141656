//! When scheduled actions are due: `at(…)`, `rate(…)`, `cron(…)`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use stdx::clock::Timestamp;

use super::cron::Cron;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Once, on the clocks of the time zone.
    At(DateTime),
    /// Again and again, so many seconds apart.
    Rate(u32),
    Cron(Box<Cron>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScheduleError(pub String);

impl Schedule {
    /// # Errors
    /// When the text isn't one, in words for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let form = || {
            let forms = "at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields)";
            ScheduleError(format!("Invalid schedule expression: {text}. It must have the form {forms}."))
        };
        let (kind, rest) = text.split_once('(').ok_or_else(form)?;
        let inner = rest.strip_suffix(')').ok_or_else(form)?;
        match kind {
            "at" => at(inner).map(Schedule::At).ok_or_else(form),
            "rate" => rate(inner).map(Schedule::Rate).ok_or_else(form),
            "cron" => Cron::parse(inner)
                .map(|cron| Schedule::Cron(Box::new(cron)))
                .map_err(|problem| ScheduleError(format!("Invalid schedule expression: {text}. {problem}"))),
            _ => Err(form()),
        }
    }

    /// The first time after `after`. A rate is counted from `anchor`, which is its first time if `at_anchor`. A time that the
    /// zone's clocks skip is taken as far behind the gap as it lies in it; of one that they show twice, the first counts.
    pub fn next_after(
        &self,
        after: Timestamp,
        anchor: Timestamp,
        at_anchor: bool,
        zone: Option<&str>,
    ) -> Option<Timestamp> {
        match self {
            Schedule::At(at) => Some(instant(*at, &time_zone(zone)?)?).filter(|at| *at > after),
            Schedule::Rate(secs) => {
                let period = i64::from(*secs) * 1000;
                let passed = after.as_millis() - anchor.as_millis();
                let count = if passed < 0 { 0 } else { passed / period + 1 };
                let first = i64::from(!at_anchor);
                Some(Timestamp::from_millis(anchor.as_millis() + count.max(first) * period))
            }
            Schedule::Cron(cron) => {
                let zone = time_zone(zone)?;
                let local = jiff::Timestamp::from_millisecond(after.as_millis()).ok()?.to_zoned(zone.clone());
                let mut from = local.datetime();
                // Where clocks go back, a local time may lie before `after`: the next one is then asked for.
                loop {
                    let next = cron.next_after(from)?;
                    match instant(next, &zone) {
                        Some(at) if at > after => return Some(at),
                        _ => from = next,
                    }
                }
            }
        }
    }
}

pub fn is_time_zone(name: &str) -> bool {
    time_zone(Some(name)).is_some()
}

fn time_zone(name: Option<&str>) -> Option<TimeZone> {
    match name {
        None => Some(TimeZone::UTC),
        Some(name) => TimeZone::get(name).ok(),
    }
}

fn instant(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = at.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

fn at(text: &str) -> Option<DateTime> {
    let has_form = text.len() == 19 && text.as_bytes()[10] == b'T';
    text.parse().ok().filter(|_| has_form)
}

/// Seconds.
fn rate(text: &str) -> Option<u32> {
    let (count, unit) = text.split_once(' ')?;
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    let is_one = count == 1;
    let secs: u32 = match unit.trim() {
        "minute" if is_one => 60,
        "minutes" if !is_one => 60,
        "hour" if is_one => 3_600,
        "hours" if !is_one => 3_600,
        "day" if is_one => 86_400,
        "days" if !is_one => 86_400,
        _ => return None,
    };
    count.checked_mul(secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text} is a time"))
    }

    /// The next two times.
    fn check(schedule: &str, zone: Option<&str>, after: &str, expect: [&str; 2]) {
        let parsed = Schedule::parse(schedule).unwrap_or_else(|error| panic!("{schedule}: {error}"));
        let anchor = time("2026-01-01T00:00:00Z");
        let mut found = Vec::new();
        let mut at = time(after);
        for _ in 0..2 {
            match parsed.next_after(at, anchor, false, zone) {
                Some(next) => {
                    found.push(next.to_rfc3339_secs());
                    at = next;
                }
                None => found.push(String::from("never")),
            }
        }
        assert_eq!(found, expect, "{schedule} after {after}");
    }

    #[test]
    fn schedules_have_their_next_times() {
        let after = "2026-03-27T10:30:00Z";
        check("at(2026-04-01T08:00:00)", None, after, ["2026-04-01T08:00:00Z", "never"]);
        check("at(2026-04-01T08:00:00)", Some("Europe/Berlin"), after, ["2026-04-01T06:00:00Z", "never"]);
        check("at(2026-01-01T08:00:00)", None, after, ["never", "never"]);
        check("rate(1 hour)", None, after, ["2026-03-27T11:00:00Z", "2026-03-27T12:00:00Z"]);
        check(
            "rate(5 minutes)",
            None,
            "2025-12-31T00:00:00Z",
            ["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"],
        );
        check("rate(7 days)", None, after, ["2026-04-02T00:00:00Z", "2026-04-09T00:00:00Z"]);
        check("cron(0 18 ? * MON-FRI *)", None, after, ["2026-03-27T18:00:00Z", "2026-03-30T18:00:00Z"]);
        check("cron(0/15 10 * * ? *)", None, after, ["2026-03-27T10:45:00Z", "2026-03-28T10:00:00Z"]);
        check("cron(0 0 1 1/6 ? *)", None, after, ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
        check("cron(0 0 L * ? *)", None, after, ["2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"]);
        check("cron(0 0 LW * ? *)", None, after, ["2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"]);
        check("cron(0 0 15W * ? *)", None, after, ["2026-04-15T00:00:00Z", "2026-05-15T00:00:00Z"]);
        check("cron(0 0 1W 8 ? *)", None, after, ["2026-08-03T00:00:00Z", "2027-08-02T00:00:00Z"]);
        check("cron(0 0 ? * 6#3 *)", None, after, ["2026-04-17T00:00:00Z", "2026-05-15T00:00:00Z"]);
        check("cron(0 0 ? * 6L *)", None, after, ["2026-04-24T00:00:00Z", "2026-05-29T00:00:00Z"]);
        check("cron(0 0 29 2 ? *)", None, after, ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
        check("cron(0 0 1 1 ? 2030,2031)", None, after, ["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"]);
        check("cron(0 0 1 1 ? 2025)", None, after, ["never", "never"]);
    }

    #[test]
    fn clocks_that_change_neither_lose_nor_repeat_a_time() {
        let berlin = Some("Europe/Berlin");
        // 2026-03-29: there is no 02:30.
        let expect = ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"];
        check("cron(30 2 * * ? *)", berlin, "2026-03-28T12:00:00Z", expect);
        // 2026-10-25: 02:30 comes twice.
        let expect = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
        check("cron(30 2 * * ? *)", berlin, "2026-10-24T12:00:00Z", expect);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "at(2026-04-01)",
            "at(2026-13-01T00:00:00)",
            "at(2026-04-01T08:00:00Z)",
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
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
            "cron(5-1 0 1 1 ? *)",
            "cron(0/0 0 1 1 ? *)",
            "cron(0 0 1 FOO ? *)",
            "every(5 minutes)",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text:?}");
        }
        assert!(is_time_zone("America/New_York"));
        assert!(!is_time_zone("Middle/Earth"));
    }
}
