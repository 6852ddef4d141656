//! Schedule expressions: `at(…)`, `rate(…)` and `cron(…)` with six fields, and when they are due next.
//!
//! See "Schedule types in EventBridge Scheduler" and "Setting a schedule pattern for scheduled rules" in AWS's user guides.

mod cron;

use std::time::Duration;

use cron::Cron;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use stdx::clock::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Once, at a local time.
    At(DateTime),
    /// Again and again after so much time, whatever the clocks of a zone do.
    Rate(Duration),
    Cron(Box<Cron>),
}

/// An expression with what it is read with.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub expression: Expression,
    pub zone: TimeZone,
    /// From when a rate counts.
    pub anchor: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("the expression must be at(…), rate(…) or cron(…)")]
    Form,
    #[error("the time of at(…) must have the form yyyy-mm-ddThh:mm:ss")]
    At,
    #[error("rate(…) needs a positive number and one of minute, minutes, hour, hours, day, days")]
    Rate,
    #[error("a cron expression has six fields: minutes, hours, day of month, month, day of week, year")]
    FieldCount,
    #[error("the field {field} can't be {text}")]
    Field { field: &'static str, text: String },
    #[error("one of day of month and day of week must be ?")]
    Days,
}

impl Expression {
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(time) = inside("at") {
            return at(time).map(Expression::At).ok_or(ScheduleError::At);
        }
        if let Some(rate_text) = inside("rate") {
            return rate(rate_text).map(Expression::Rate).ok_or(ScheduleError::Rate);
        }
        if let Some(fields) = inside("cron") {
            return Cron::parse(fields).map(|cron| Expression::Cron(Box::new(cron)));
        }
        Err(ScheduleError::Form)
    }
}

/// A zone of the IANA database, by its name.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The first time after `after`; none when there is none any more.
///
/// A local time that the clocks skip is skipped; one that they pass twice counts once, the first time.
pub fn next_time(schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
    match &schedule.expression {
        Expression::At(local) => {
            // Once: a time that the clocks skip is then the one that they show instead.
            let at = schedule.zone.to_ambiguous_timestamp(*local).compatible().ok()?;
            Some(Timestamp(at.as_millisecond())).filter(|at| *at > after)
        }
        Expression::Rate(period) => {
            let period = i64::try_from(period.as_millis()).ok()?.max(1);
            let steps = (after.0 - schedule.anchor.0).div_euclid(period) + 1;
            let at = schedule.anchor.0.checked_add(steps.max(0).checked_mul(period)?)?;
            Some(Timestamp(at))
        }
        Expression::Cron(cron) => {
            let local = schedule.zone.to_datetime(jiff::Timestamp::from_millisecond(after.0).ok()?);
            // A day earlier: the clocks may have gone back since.
            let from = local.date().yesterday().unwrap_or(local.date());
            let is_later = |local: DateTime| exact(&schedule.zone, local).filter(|at| *at > after);
            cron.times_from(from).find_map(is_later)
        }
    }
}

/// The last time that is due at `now` and wasn't at `after`; none when none is.
pub fn last_due(schedule: &Schedule, after: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let first = next_time(schedule, after).filter(|at| *at <= now)?;
    match &schedule.expression {
        Expression::At(_) => Some(first),
        Expression::Rate(period) => {
            let period = i64::try_from(period.as_millis()).ok()?.max(1);
            Some(Timestamp(first.0 + (now.0 - first.0).div_euclid(period) * period))
        }
        Expression::Cron(_) => {
            // Looked for in windows that double backwards, so that a year's downtime costs no walk over each minute of it.
            let mut window = 60_000_i64;
            loop {
                let from = Timestamp(now.0.saturating_sub(window).max(first.0 - 1));
                let mut last = None;
                let mut next = next_time(schedule, from);
                while let Some(at) = next.filter(|at| *at <= now) {
                    last = Some(at);
                    next = next_time(schedule, at);
                }
                if last.is_some() {
                    return last;
                }
                window = window.saturating_mul(2);
            }
        }
    }
}

fn exact(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return None;
    }
    ambiguous.earlier().ok().map(|at| Timestamp(at.as_millisecond()))
}

fn at(text: &str) -> Option<DateTime> {
    const FORM: &str = "dddd-dd-ddTdd:dd:dd";
    let fits = text.len() == FORM.len()
        && text.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            form => byte == form,
        });
    if fits { text.parse().ok() } else { None }
}

fn rate(text: &str) -> Option<Duration> {
    let mut words = text.split_whitespace();
    let (number, unit, None) = (words.next()?, words.next()?, words.next()) else { return None };
    let number: u64 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    let unit_secs = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    // A longer one than a million days would be due outside of the calendar.
    let seconds = number.checked_mul(unit_secs)?;
    (number > 0 && seconds <= 86_400_000_000).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
