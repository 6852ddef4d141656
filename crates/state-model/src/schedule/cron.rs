//! Cron expressions of AWS: minutes, hours, day of month, month, day of week, year; with `?`, `L`, `W` and `#`.

use jiff::civil::{Date, DateTime, Weekday, date};

use super::ScheduleError;

const YEAR_MIN: i16 = 1970;
const YEAR_MAX: i16 = 2199;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// The first one is day 1.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Set,
    hours: Set,
    days: Days,
    months: Set,
    years: Set,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Set),
    LastOfMonth,
    LastWeekdayOfMonth,
    /// The weekday (Monday to Friday) that is nearest to this day, in the same month.
    NearestWeekday(i8),
    OfWeek(Set),
    /// The last such day of the month.
    LastOfWeek(u16),
    /// The n-th such day of the month.
    NthOfWeek(u16, i8),
}

/// Numbers of a field, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Set(Vec<u16>);

impl Set {
    fn has(&self, number: u16) -> bool {
        self.0.binary_search(&number).is_ok()
    }
}

/// What a field may hold.
struct Field {
    name: &'static str,
    min: u16,
    max: u16,
    /// Of the numbers from `min` on.
    names: &'static [&'static str],
}

const MINUTES: Field = Field { name: "minutes", min: 0, max: 59, names: &[] };
const HOURS: Field = Field { name: "hours", min: 0, max: 23, names: &[] };
const DAY_OF_MONTH: Field = Field { name: "day of month", min: 1, max: 31, names: &[] };
const MONTH: Field = Field { name: "month", min: 1, max: 12, names: &MONTHS };
const DAY_OF_WEEK: Field = Field { name: "day of week", min: 1, max: 7, names: &WEEKDAYS };
const YEAR: Field = Field { name: "year", min: YEAR_MIN as u16, max: YEAR_MAX as u16, names: &[] };

impl Field {
    fn refuse(&self, text: &str) -> ScheduleError {
        ScheduleError::Field { field: self.name, text: text.to_owned() }
    }

    fn number(&self, text: &str) -> Option<u16> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(index) = named {
            return Some(self.min + u16::try_from(index).ok()?);
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && (self.min..=self.max).contains(number))
    }

    fn set(&self, text: &str) -> Result<Set, ScheduleError> {
        let mut numbers = Vec::new();
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (item, None),
            };
            let step = match step.map(str::parse::<u16>) {
                None => None,
                Some(Ok(step)) if step > 0 => Some(step),
                Some(_) => return Err(self.refuse(item)),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.min, self.max),
                Some((first, last)) => {
                    (self.number(first).zip(self.number(last))).ok_or_else(|| self.refuse(item))?
                }
                None => {
                    let first = self.number(range).ok_or_else(|| self.refuse(item))?;
                    (first, if step.is_some() { self.max } else { first })
                }
            };
            let step = usize::from(step.unwrap_or(1));
            if first <= last {
                numbers.extend((first..=last).step_by(step));
            } else if self.name == YEAR.name {
                return Err(self.refuse(item));
            } else {
                // FRI-MON, 22-3: over the end and on from the beginning.
                numbers.extend((first..=self.max).chain(self.min..=last).step_by(step));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Set(numbers))
    }
}

impl Cron {
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<_> = text.split_whitespace().collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields[..] else {
            return Err(ScheduleError::FieldCount);
        };
        Ok(Self {
            minutes: MINUTES.set(minutes)?,
            hours: HOURS.set(hours)?,
            days: match (day_of_month, day_of_week) {
                ("?", "?") => return Err(ScheduleError::Days),
                (day, "?") => day_of_month_of(day)?,
                ("?", day) => day_of_week_of(day)?,
                _ => return Err(ScheduleError::Days),
            },
            months: MONTH.set(month)?,
            years: YEAR.set(year)?,
        })
    }

    /// Every local time that fits, in order, from the beginning of a day on.
    pub fn times_from(&self, from: Date) -> impl Iterator<Item = DateTime> {
        let first = (from.year().max(YEAR_MIN)..=YEAR_MAX).map(move |year| {
            let month = if year == from.year() { from.month() } else { 1 };
            (year, month)
        });
        let months = first.filter(|(year, _)| u16::try_from(*year).is_ok_and(|year| self.years.has(year)));
        let months = months.flat_map(|(year, first)| (first..=12).map(move |month| (year, month)));
        let months =
            months.filter(|(_, month)| u16::try_from(*month).is_ok_and(|month| self.months.has(month)));
        let days = months.flat_map(|(year, month)| {
            let days = date(year, month, 1).days_in_month();
            (1..=days).map(move |day| date(year, month, day))
        });
        let days = days.filter(move |day| *day >= from && self.days.has(*day));
        days.flat_map(move |day| {
            self.hours.0.iter().flat_map(move |hour| {
                self.minutes.0.iter().map(move |minute| {
                    // Both fit: the sets hold nothing beyond 59.
                    let (hour, minute) = (i8::try_from(*hour), i8::try_from(*minute));
                    day.at(hour.unwrap_or(0), minute.unwrap_or(0), 0, 0)
                })
            })
        })
    }
}

impl Days {
    fn has(&self, day: Date) -> bool {
        match self {
            Days::OfMonth(days) => days.has(u16::try_from(day.day()).unwrap_or(0)),
            Days::LastOfMonth => day == day.last_of_month(),
            Days::LastWeekdayOfMonth => day == weekday_near(day.last_of_month()),
            Days::NearestWeekday(number) => {
                *number <= day.days_in_month() && day == weekday_near(date(day.year(), day.month(), *number))
            }
            Days::OfWeek(days) => days.has(number_of(day.weekday())),
            Days::LastOfWeek(number) => {
                number_of(day.weekday()) == *number && day.day() + 7 > day.days_in_month()
            }
            Days::NthOfWeek(number, nth) => {
                number_of(day.weekday()) == *number && (day.day() - 1) / 7 + 1 == *nth
            }
        }
    }
}

/// Saturday gives Friday, Sunday gives Monday, unless that is in another month: then it is the nearest within.
fn weekday_near(day: Date) -> Date {
    let moved = match day.weekday() {
        Weekday::Saturday if day.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if day == day.last_of_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    date(day.year(), day.month(), day.day() + moved)
}

fn number_of(weekday: Weekday) -> u16 {
    u16::try_from(weekday.to_sunday_one_offset()).unwrap_or(0)
}

fn day_of_month_of(text: &str) -> Result<Days, ScheduleError> {
    match text {
        "L" => Ok(Days::LastOfMonth),
        "LW" | "WL" => Ok(Days::LastWeekdayOfMonth),
        text => match text.strip_suffix('W') {
            Some(day) => {
                let day = DAY_OF_MONTH.number(day).and_then(|day| i8::try_from(day).ok());
                day.map(Days::NearestWeekday).ok_or_else(|| DAY_OF_MONTH.refuse(text))
            }
            None => DAY_OF_MONTH.set(text).map(Days::OfMonth),
        },
    }
}

fn day_of_week_of(text: &str) -> Result<Days, ScheduleError> {
    let refuse = || DAY_OF_WEEK.refuse(text);
    if let Some((day, nth)) = text.split_once('#') {
        let day = DAY_OF_WEEK.number(day).ok_or_else(refuse)?;
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth)).ok_or_else(refuse)?;
        return Ok(Days::NthOfWeek(day, nth));
    }
    match text.strip_suffix('L') {
        // Alone: the last day of the week.
        Some("") => Ok(Days::OfWeek(Set(vec![7]))),
        Some(day) => DAY_OF_WEEK.number(day).map(Days::LastOfWeek).ok_or_else(refuse),
        None => DAY_OF_WEEK.set(text).map(Days::OfWeek),
    }
}
