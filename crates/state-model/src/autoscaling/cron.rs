//! Cron expressions of six fields, as AWS has them: minutes, hours, day of month, month, day of week, year.

use jiff::civil::{Date, DateTime, Weekday};

/// Days that are looked through: more than lie between two 29ths of February.
const DAYS_SEARCHED_MAX: usize = 366 * 9;

const YEARS: (u32, u32) = (1970, 2199);
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// From 1.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Set,
    hours: Set,
    months: Set,
    years: Set,
    days: Days,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MonthDay {
    In(Set),
    Last,
    LastWorkday,
    /// The workday of the month that is nearest to this day.
    Workday(i8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum WeekDay {
    In(Set),
    /// The month's last Friday, for example.
    Last(u32),
    /// The month's third Friday, for example.
    Nth(u32, i8),
}

/// Ranges with steps.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Set(Vec<(u32, u32, u32)>);

impl Set {
    fn contains(&self, value: u32) -> bool {
        self.0
            .iter()
            .any(|(low, high, step)| (*low..=*high).contains(&value) && (value - low).is_multiple_of(*step))
    }
}

impl Cron {
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, month_day, months, week_day, years] = fields[..] else {
            let count = fields.len();
            return Err(format!("A cron expression has six fields, this one has {count}."));
        };
        let days = match (month_day, week_day) {
            ("?", "?") => return Err(String::from("Only one of day-of-month and day-of-week may be ?.")),
            (_, "?") => Days::OfMonth(each(month_day, month_day_of)?),
            ("?", _) => Days::OfWeek(each(week_day, week_day_of)?),
            _ => return Err(String::from("One of day-of-month and day-of-week must be ?.")),
        };
        Ok(Self {
            minutes: set(minutes, (0, 59), &[])?,
            hours: set(hours, (0, 23), &[])?,
            months: set(months, (1, 12), &MONTHS)?,
            years: set(years, YEARS, &[])?,
            days,
        })
    }

    /// The first time after `after`, by the same clock.
    pub fn next_after(&self, after: DateTime) -> Option<DateTime> {
        let first_year = (YEARS.0..=YEARS.1)
            .find(|year| self.years.contains(*year) && i64::from(*year) >= i64::from(after.year()))?;
        let mut date = after.date();
        if i64::from(first_year) > i64::from(date.year()) {
            date = Date::new(i16::try_from(first_year).ok()?, 1, 1).ok()?;
        }
        for _ in 0..DAYS_SEARCHED_MAX {
            if self.has_day(date)
                && let Some(at) = self.first_on(date, after)
            {
                return Some(at);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn first_on(&self, date: Date, after: DateTime) -> Option<DateTime> {
        let hours = (0..24).filter(|hour| self.hours.contains(*hour));
        let times = hours.flat_map(|hour| {
            (0..60).filter(|minute| self.minutes.contains(*minute)).map(move |minute| (hour, minute))
        });
        let mut times = times.map(|(hour, minute)| date.at(narrow(hour), narrow(minute), 0, 0));
        times.find(|at| *at > after)
    }

    fn has_day(&self, date: Date) -> bool {
        let (year, month) = (date.year().unsigned_abs(), date.month().unsigned_abs());
        self.years.contains(u32::from(year))
            && self.months.contains(u32::from(month))
            && match &self.days {
                Days::OfMonth(days) => days.iter().any(|day| day.is(date)),
                Days::OfWeek(days) => days.iter().any(|day| day.is(date)),
            }
    }
}

fn narrow(number: u32) -> i8 {
    i8::try_from(number).unwrap_or(0)
}

impl MonthDay {
    fn is(&self, date: Date) -> bool {
        let last = date.days_in_month();
        match self {
            MonthDay::In(set) => set.contains(u32::from(date.day().unsigned_abs())),
            MonthDay::Last => date.day() == last,
            MonthDay::LastWorkday => nearest_workday(date, last) == Some(date.day()),
            MonthDay::Workday(day) => *day <= last && nearest_workday(date, *day) == Some(date.day()),
        }
    }
}

/// The day of `date`'s month that is a workday and nearest to `day`.
fn nearest_workday(date: Date, day: i8) -> Option<i8> {
    let last = date.days_in_month();
    let wanted = Date::new(date.year(), date.month(), day).ok()?;
    Some(match wanted.weekday() {
        Weekday::Saturday if day > 1 => day - 1,
        Weekday::Saturday => day + 2,
        Weekday::Sunday if day < last => day + 1,
        Weekday::Sunday => day - 2,
        _ => day,
    })
}

impl WeekDay {
    fn is(&self, date: Date) -> bool {
        let of_date = u32::from(date.weekday().to_sunday_one_offset().unsigned_abs());
        match self {
            WeekDay::In(set) => set.contains(of_date),
            WeekDay::Last(day) => *day == of_date && date.day() + 7 > date.days_in_month(),
            WeekDay::Nth(day, nth) => *day == of_date && (date.day() - 1) / 7 + 1 == *nth,
        }
    }
}

fn each<T>(field: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    field.split(',').map(read).collect()
}

fn month_day_of(part: &str) -> Result<MonthDay, String> {
    match part {
        "L" => return Ok(MonthDay::Last),
        "LW" => return Ok(MonthDay::LastWorkday),
        _ => {}
    }
    if let Some(day) = part.strip_suffix('W') {
        return Ok(MonthDay::Workday(narrow(number(day, (1, 31), &[])?)));
    }
    Ok(MonthDay::In(set(part, (1, 31), &[])?))
}

fn week_day_of(part: &str) -> Result<WeekDay, String> {
    const DAYS: (u32, u32) = (1, 7);
    if let Some((day, nth)) = part.split_once('#') {
        return Ok(WeekDay::Nth(number(day, DAYS, &WEEKDAYS)?, narrow(number(nth, (1, 5), &[])?)));
    }
    match part.strip_suffix('L') {
        Some("") => Ok(WeekDay::In(set("7", DAYS, &[])?)),
        Some(day) => Ok(WeekDay::Last(number(day, DAYS, &WEEKDAYS)?)),
        None => Ok(WeekDay::In(set(part, DAYS, &WEEKDAYS)?)),
    }
}

/// Reads `*`, `a`, `a-b`, `*/s`, `a/s`, `a-b/s` and lists of them.
fn set(field: &str, bounds: (u32, u32), names: &[&str]) -> Result<Set, String> {
    let range = |part: &str| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step, (1, bounds.1), &[])?)),
            None => (part, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => bounds,
            Some((low, high)) => (number(low, bounds, names)?, number(high, bounds, names)?),
            None => {
                let only = number(range, bounds, names)?;
                (only, if step.is_some() { bounds.1 } else { only })
            }
        };
        if low > high {
            return Err(format!("{range} ends before it begins."));
        }
        Ok((low, high, step.unwrap_or(1)))
    };
    each(field, range).map(Set)
}

/// `names` are those of the numbers from 1.
fn number(text: &str, bounds: (u32, u32), names: &[&str]) -> Result<u32, String> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let found = match named {
        Some(place) => u32::try_from(place + 1).ok(),
        None => text.parse().ok(),
    };
    let (low, high) = bounds;
    found
        .filter(|found| (low..=high).contains(found))
        .ok_or_else(|| format!("{text} is not between {low} and {high}."))
}
