//! Cron expressions of AWS: minutes, hours, day of month, month, day of week, year; with `?`, `L`, `W` and `#`.

use jiff::civil::{Date, DateTime, Weekday, date};

use super::{Rules, ScheduleError};

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

/// One of them must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MonthDay {
    In(Set),
    Last,
    LastWeekday,
    /// The weekday (Monday to Friday) that is nearest to this day, in the same month.
    NearestWeekday(i8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum WeekDay {
    In(Set),
    /// The last such day of the month.
    Last(u16),
    /// The n-th such day of the month.
    Nth(u16, i8),
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
    min: u16,
    max: u16,
    /// Of the numbers from `min` on.
    names: &'static [&'static str],
    /// Its last number is followed by its first.
    is_round: bool,
}

impl Field {
    const fn round(min: u16, max: u16, names: &'static [&'static str]) -> Self {
        Self { min, max, names, is_round: true }
    }
}

const MINUTES: Field = Field::round(0, 59, &[]);
const HOURS: Field = Field::round(0, 23, &[]);
const DAY_OF_MONTH: Field = Field::round(1, 31, &[]);
const MONTH: Field = Field::round(1, 12, &MONTHS);
const DAY_OF_WEEK: Field = Field::round(1, 7, &WEEKDAYS);
const YEAR: Field = Field { min: YEAR_MIN as u16, max: YEAR_MAX as u16, names: &[], is_round: false };

impl Field {
    fn number(&self, text: &str) -> Result<u16, ScheduleError> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        match named.and_then(|index| u16::try_from(index).ok()) {
            Some(index) => Ok(self.min + index),
            None => number(text, self.min, self.max),
        }
    }

    /// Reads `*`, `a`, `a-b`, `*/s`, `a/s`, `a-b/s` and lists of them.
    fn set(&self, text: &str, rules: Rules) -> Result<Set, ScheduleError> {
        let mut numbers = Vec::new();
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (item, None),
            };
            let longest = if rules.steps_fit { self.max } else { u16::MAX };
            let step = step.map(|step| number(step, 1, longest)).transpose()?;
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.min, self.max),
                Some((first, last)) => (self.number(first)?, self.number(last)?),
                None => {
                    let first = self.number(range)?;
                    (first, if step.is_some() { self.max } else { first })
                }
            };
            let step = usize::from(step.unwrap_or(1));
            if first <= last {
                numbers.extend((first..=last).step_by(step));
            } else if rules.ranges_wrap && self.is_round {
                numbers.extend((first..=self.max).chain(self.min..=last).step_by(step));
            } else {
                return Err(ScheduleError::Backwards(range.to_owned()));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Set(numbers))
    }
}

fn number(text: &str, min: u16, max: u16) -> Result<u16, ScheduleError> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_number && (min..=max).contains(number));
    number.ok_or_else(|| ScheduleError::OutOfBounds { text: text.to_owned(), min, max })
}

impl Cron {
    pub fn parse(text: &str, rules: Rules) -> Result<Self, ScheduleError> {
        let fields: Vec<_> = text.split_whitespace().collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields[..] else {
            return Err(ScheduleError::FieldCount(fields.len()));
        };
        Ok(Self {
            days: match (day_of_month, day_of_week) {
                ("?", "?") => return Err(ScheduleError::NoDays),
                (days, "?") => Days::OfMonth(each(days, rules, month_day)?),
                ("?", days) => Days::OfWeek(each(days, rules, week_day)?),
                _ => return Err(ScheduleError::BothDays),
            },
            minutes: MINUTES.set(minutes, rules)?,
            hours: HOURS.set(hours, rules)?,
            months: MONTH.set(month, rules)?,
            years: YEAR.set(year, rules)?,
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
                self.minutes.0.iter().map(move |minute| day.at(narrow(*hour), narrow(*minute), 0, 0))
            })
        })
    }
}

impl Days {
    fn has(&self, day: Date) -> bool {
        match self {
            Days::OfMonth(days) => days.iter().any(|one| one.is(day)),
            Days::OfWeek(days) => days.iter().any(|one| one.is(day)),
        }
    }
}

impl MonthDay {
    fn is(&self, day: Date) -> bool {
        match self {
            MonthDay::In(days) => days.has(u16::try_from(day.day()).unwrap_or(0)),
            MonthDay::Last => day == day.last_of_month(),
            MonthDay::LastWeekday => day == weekday_near(day.last_of_month()),
            MonthDay::NearestWeekday(number) => {
                *number <= day.days_in_month() && day == weekday_near(date(day.year(), day.month(), *number))
            }
        }
    }
}

impl WeekDay {
    fn is(&self, day: Date) -> bool {
        let of_day = u16::try_from(day.weekday().to_sunday_one_offset()).unwrap_or(0);
        match self {
            WeekDay::In(days) => days.has(of_day),
            WeekDay::Last(number) => of_day == *number && day.day() + 7 > day.days_in_month(),
            WeekDay::Nth(number, nth) => of_day == *number && (day.day() - 1) / 7 + 1 == *nth,
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

fn each<T>(
    text: &str,
    rules: Rules,
    read: impl Fn(&str, Rules) -> Result<T, ScheduleError>,
) -> Result<Vec<T>, ScheduleError> {
    let is_special = |day: &&str| day.ends_with(['L', 'W']) || day.contains('#');
    let special = text.split(',').find(is_special).filter(|day| *day != text);
    match special {
        Some(day) if !rules.special_days_in_lists => Err(ScheduleError::SpecialDayInList(day.to_owned())),
        _ => text.split(',').map(|day| read(day, rules)).collect(),
    }
}

fn month_day(text: &str, rules: Rules) -> Result<MonthDay, ScheduleError> {
    match (text, text.strip_suffix('W')) {
        ("L", _) => Ok(MonthDay::Last),
        ("LW" | "WL", _) => Ok(MonthDay::LastWeekday),
        (_, Some(day)) => Ok(MonthDay::NearestWeekday(narrow(DAY_OF_MONTH.number(day)?))),
        (text, None) => DAY_OF_MONTH.set(text, rules).map(MonthDay::In),
    }
}

fn week_day(text: &str, rules: Rules) -> Result<WeekDay, ScheduleError> {
    if let Some((day, nth)) = text.split_once('#') {
        return Ok(WeekDay::Nth(DAY_OF_WEEK.number(day)?, narrow(number(nth, 1, 5)?)));
    }
    match text.strip_suffix('L') {
        // Alone: the last day of the week.
        Some("") => Ok(WeekDay::In(Set(vec![7]))),
        Some(day) => DAY_OF_WEEK.number(day).map(WeekDay::Last),
        None => DAY_OF_WEEK.set(text, rules).map(WeekDay::In),
    }
}

/// Of a number that a field has checked: none has more than two digits but the years.
fn narrow(number: u16) -> i8 {
    i8::try_from(number).unwrap_or(0)
}
