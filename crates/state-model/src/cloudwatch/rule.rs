//! The language of composite alarms' rules: `ALARM("one") AND NOT (OK(two) OR AT_LEAST(2, ALARM, (a, b, c)))`.
//!
//! Alarms are named bare, in quotation marks, or by their ARN; words may be written in any case.

use std::collections::BTreeSet;

use super::StateValue;
use crate::Scope;

mod parser;

/// AWS's bounds.
pub const CHILDREN_MAX: usize = 100;
pub const ELEMENTS_MAX: usize = 500;

/// A rule that is well formed. Says nothing about whether its alarms exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    root: Expression,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Constant(bool),
    Is(Condition, String),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    AtLeast(Share, Condition, Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Condition {
    value: StateValue,
    is_negated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    Count(usize),
    Percent(usize),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("unexpected {found} at position {at}, {wanted} was expected")]
    Unexpected { found: String, at: usize, wanted: &'static str },
    #[error("the quotation mark at position {at} is never closed")]
    OpenQuote { at: usize },
    #[error("an alarm without a name at position {at}")]
    NoName { at: usize },
    #[error("{arn} is no alarm of this account and region")]
    Foreign { arn: String },
    #[error("AT_LEAST needs a number from 1 to the number of its alarms, or from 1% to 100%")]
    Share,
    #[error("a rule can have at most {ELEMENTS_MAX} elements")]
    TooManyElements,
    #[error("a rule can name at most {CHILDREN_MAX} alarms")]
    TooManyChildren,
}

impl Rule {
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, RuleError> {
        let rule = Self { root: parser::parse(text, scope)? };
        if rule.children().len() > CHILDREN_MAX {
            return Err(RuleError::TooManyChildren);
        }
        Ok(rule)
    }

    /// The names of the alarms that it looks at.
    pub fn children(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.root.collect(&mut names);
        names
    }

    /// Whether the composite alarm is in ALARM.
    pub fn is_met(&self, state: &dyn Fn(&str) -> StateValue) -> bool {
        self.root.is_met(state)
    }
}

impl Condition {
    fn holds(self, value: StateValue) -> bool {
        (self.value == value) != self.is_negated
    }
}

impl Expression {
    fn collect<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        match self {
            Expression::Constant(_) => {}
            Expression::Is(_, name) => _ = names.insert(name),
            Expression::Not(inner) => inner.collect(names),
            Expression::All(parts) | Expression::Any(parts) => {
                parts.iter().for_each(|part| part.collect(names));
            }
            Expression::AtLeast(.., alarms) => names.extend(alarms.iter().map(String::as_str)),
        }
    }

    fn is_met(&self, state: &dyn Fn(&str) -> StateValue) -> bool {
        match self {
            Expression::Constant(value) => *value,
            Expression::Is(condition, name) => condition.holds(state(name)),
            Expression::Not(inner) => !inner.is_met(state),
            Expression::All(parts) => parts.iter().all(|part| part.is_met(state)),
            Expression::Any(parts) => parts.iter().any(|part| part.is_met(state)),
            Expression::AtLeast(share, condition, alarms) => {
                let count = alarms.iter().filter(|name| condition.holds(state(name))).count();
                match share {
                    Share::Count(least) => count >= *least,
                    Share::Percent(percent) => count * 100 >= percent * alarms.len(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Rule, RuleError> {
        Rule::parse(text, &Scope::new("000000000000", "us-east-1"))
    }

    /// Alarms called a… are in ALARM, o… are OK, the others have too little data.
    fn state(name: &str) -> StateValue {
        match name.chars().next() {
            Some('a') => StateValue::Alarm,
            Some('o') => StateValue::Ok,
            _ => StateValue::InsufficientData,
        }
    }

    #[test]
    fn rules_are_met_as_they_read() {
        for (text, expected) in [
            ("TRUE", true),
            ("false", false),
            ("ALARM(a1)", true),
            ("ALARM(\"a 1) AND (\")", true),
            ("ALARM( a1 ) and alarm(o1)", false),
            ("ALARM(a1) OR ALARM(o1)", true),
            ("NOT OK(a1)", true),
            ("NOT NOT OK(o1)", true),
            ("INSUFFICIENT_DATA(x)", true),
            ("OK(arn:aws:cloudwatch:us-east-1:000000000000:alarm:o1)", true),
            // AND binds more tightly than OR.
            ("TRUE OR FALSE AND FALSE", true),
            ("(TRUE OR FALSE) AND FALSE", false),
            ("(ALARM(a1) OR ALARM(o1)) AND NOT INSUFFICIENT_DATA(o2)", true),
            ("AT_LEAST(2, ALARM, (a1, o1, a2))", true),
            ("AT_LEAST(3, ALARM, (a1, o1, a2))", false),
            ("AT_LEAST(50%, OK, (\"o1\", a1))", true),
            ("AT_LEAST(51%, OK, (o1, a1))", false),
            ("AT_LEAST(2, NOT OK, (x, o1, a2))", true),
        ] {
            let rule = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(rule.is_met(&state), expected, "{text}");
        }
    }

    #[test]
    fn children_are_named_once() {
        let rule = parse(
            "ALARM(b) AND (ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:b) OR AT_LEAST(1, OK, (c)))",
        );
        assert_eq!(rule.expect("it is well formed").children().into_iter().collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in [
            "",
            "ALARM",
            "ALARM(",
            "ALARM()",
            "ALARM(a",
            "ALARM(\"a)",
            "ALARM(a) ALARM(b)",
            "AND",
            "TRUE AND",
            "(TRUE",
            "TRUE)",
            "NOT",
            "MAYBE(a)",
            "ALARM(a) XOR OK(b)",
            "AT_LEAST(0, OK, (a))",
            "AT_LEAST(2, OK, (a))",
            "AT_LEAST(101%, OK, (a))",
            "AT_LEAST(1, FINE, (a))",
            "AT_LEAST(1, OK, ())",
            "OK(arn:aws:cloudwatch:eu-west-1:000000000000:alarm:a)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rules_are_bounded() {
        let children =
            |count: usize| (0..count).map(|number| format!("OK(c{number})")).collect::<Vec<_>>().join(" OR ");
        assert!(parse(&children(100)).is_ok());
        assert_eq!(parse(&children(101)), Err(RuleError::TooManyChildren));
        let deep = format!("{}TRUE{}", "(".repeat(600), ")".repeat(600));
        assert_eq!(parse(&deep), Err(RuleError::TooManyElements));
        assert!(parse(&format!("{}TRUE", "NOT ".repeat(2_000))).is_ok());
    }
}
