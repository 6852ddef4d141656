//! Schedule expressions: `at(…)`, `rate(…)` and `cron(…)` with six fields, and when they are due next.
//!
//! See "Schedule types in EventBridge Scheduler" and "Setting a schedule pattern for scheduled rules" in AWS's user guides. What
//! the services that take them don't have in common is in [`Rules`] and [`Skipped`].

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

/// What is an expression for one service and isn't for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `at(…)` is one.
    takes_at: bool,
    /// `rate(1 minute)` and `rate(2 minutes)`, and neither the other way round.
    units_agree: bool,
    /// `FRI-MON` and `22-3` go over the end and on from the beginning.
    ranges_wrap: bool,
    /// Steps are as long as their field's last number at most.
    steps_fit: bool,
    /// `L`, `15W` or `6#3` may be one of several days.
    special_days_in_lists: bool,
}

impl Rules {
    /// Of EventBridge's scheduler.
    pub const SCHEDULER: Self = Self {
        takes_at: true,
        units_agree: false,
        ranges_wrap: true,
        steps_fit: false,
        special_days_in_lists: false,
    };
    /// Of EventBridge's rules.
    pub const EVENT_RULES: Self = Self { takes_at: false, units_agree: true, ..Self::SCHEDULER };
    /// Of Application Auto Scaling.
    pub const SCALING: Self = Self {
        takes_at: true,
        units_agree: true,
        ranges_wrap: false,
        steps_fit: true,
        special_days_in_lists: true,
    };
}

/// What becomes of a cron expression's local time that the clocks of its zone skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    Omitted,
    /// As far behind the gap as it lies in it.
    Moved,
}

/// An expression with what it is read with.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub expression: Expression,
    pub zone: TimeZone,
    /// From when a rate counts.
    pub anchor: Timestamp,
    pub skipped: Skipped,
}

/// What is wrong with an expression, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("It must have the form at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields).")]
    Form,
    #[error("A cron expression has six fields, this one has {0}.")]
    FieldCount(usize),
    #[error("Only one of day-of-month and day-of-week may be ?.")]
    NoDays,
    #[error("One of day-of-month and day-of-week must be ?.")]
    BothDays,
    #[error("{0} can't be one of several days.")]
    SpecialDayInList(String),
    #[error("{text} is not between {min} and {max}.")]
    OutOfBounds { text: String, min: u16, max: u16 },
    #[error("{0} ends before it begins.")]
    Backwards(String),
}

impl Expression {
    pub fn parse(text: &str, rules: Rules) -> Result<Self, ScheduleError> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(fields) = inside("cron") {
            return Cron::parse(fields, rules).map(|cron| Expression::Cron(Box::new(cron)));
        }
        let time = inside("at").filter(|_| rules.takes_at).and_then(at).map(Expression::At);
        let period = || inside("rate").and_then(|text| rate(text, rules)).map(Expression::Rate);
        time.or_else(period).ok_or(ScheduleError::Form)
    }
}

/// A zone of the IANA database, by its name.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The first time after `after`; none when there is none any more.
///
/// A local time that the clocks pass twice counts once, the first time.
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
            let is_later = |local: DateTime| instant(schedule, local).filter(|at| *at > after);
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

fn instant(schedule: &Schedule, local: DateTime) -> Option<Timestamp> {
    let ambiguous = schedule.zone.to_ambiguous_timestamp(local);
    if schedule.skipped == Skipped::Omitted && matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return None;
    }
    ambiguous.compatible().ok().map(|at| Timestamp(at.as_millisecond()))
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

fn rate(text: &str, rules: Rules) -> Option<Duration> {
    let mut words = text.split_whitespace();
    let (number, unit, None) = (words.next()?, words.next()?, words.next()) else { return None };
    let number: u64 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    let unit_secs = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    if rules.units_agree && unit.ends_with('s') == (number == 1) {
        return None;
    }
    // A longer one than a million days would be due outside of the calendar.
    let seconds = number.checked_mul(unit_secs)?;
    (number > 0 && seconds <= 86_400_000_000).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
