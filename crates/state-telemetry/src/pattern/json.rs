//! JSON patterns: `{ $.user.id = 1 && ($.roles[0] = "adm*" || $.flag IS TRUE) }`.

use std::collections::BTreeMap;

use memchr::memmem::Finder;
use serde_json::Value;

use super::PatternError;
use super::compare::{Comparison, Operator};
use super::cursor::Cursor;
use super::expression::Expression;
use crate::limits::PATTERN_REGEX_MAX;

#[derive(Clone, Debug)]
pub(super) struct JsonPattern {
    expression: Expression<Condition>,
    /// Bytes of every matching message, unless the message uses escapes: spares parsing the rest.
    literal: Option<Finder<'static>>,
}

#[derive(Clone, Debug)]
struct Condition {
    selector: Selector,
    check: Check,
}

#[derive(Clone, Debug)]
enum Check {
    Compare(Comparison),
    IsNull,
    IsBoolean(bool),
    NotExists,
}

#[derive(Clone, Debug)]
pub(super) struct Selector {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Property(String),
    Element(usize),
    /// `[*]` or `.*`: any of them.
    Each,
}

pub(super) fn parse(text: &str) -> Result<JsonPattern, PatternError> {
    let mut cursor = Cursor::new(text);
    let expression = Expression::parse(&mut cursor, 0, &mut parse_condition)?;
    cursor.skip_space();
    if !cursor.is_at_end() {
        return Err(PatternError::Invalid);
    }
    let mut regexes = 0;
    expression.each(&mut |condition| regexes += usize::from(condition.is_regex()));
    if regexes > PATTERN_REGEX_MAX {
        return Err(PatternError::TooManyRegexes { max: PATTERN_REGEX_MAX });
    }
    let mut literal: Option<Vec<u8>> = None;
    expression.each_required(&mut |condition| {
        for candidate in condition.literals() {
            if literal.as_ref().is_none_or(|best| best.len() < candidate.len()) {
                literal = Some(candidate);
            }
        }
    });
    Ok(JsonPattern { expression, literal: literal.map(|bytes| Finder::new(&bytes).into_owned()) })
}

fn parse_condition(cursor: &mut Cursor<'_>) -> Result<Condition, PatternError> {
    let selector = parse_selector(cursor)?;
    cursor.skip_space();
    if let Some(operator) = Operator::parse(cursor) {
        let bare = |next: char| next.is_alphanumeric() || "_.*+-:/@#$,".contains(next);
        let comparison = Comparison::parse(cursor, operator, bare)?;
        return Ok(Condition { selector, check: Check::Compare(comparison) });
    }
    let check = if cursor.eat_word("IS") {
        cursor.skip_space();
        match () {
            () if cursor.eat_word("NULL") => Check::IsNull,
            () if cursor.eat_word("TRUE") => Check::IsBoolean(true),
            () if cursor.eat_word("FALSE") => Check::IsBoolean(false),
            () => return Err(PatternError::Invalid),
        }
    } else if cursor.eat_word("NOT") {
        cursor.skip_space();
        if !cursor.eat_word("EXISTS") {
            return Err(PatternError::Invalid);
        }
        Check::NotExists
    } else {
        return Err(PatternError::Invalid);
    };
    Ok(Condition { selector, check })
}

pub(super) fn parse_selector(cursor: &mut Cursor<'_>) -> Result<Selector, PatternError> {
    cursor.skip_space();
    if !cursor.eat("$") {
        return Err(PatternError::Invalid);
    }
    let mut steps = Vec::new();
    let mut text = String::from("$");
    loop {
        let step = if cursor.eat("[") {
            parse_bracket(cursor)?
        } else if cursor.eat(".") {
            match cursor.peek() {
                Some('[') => continue,
                Some('*') => {
                    cursor.bump();
                    Step::Each
                }
                _ => {
                    let name = cursor.take_while(|next| next.is_alphanumeric() || "-_@".contains(next));
                    if name.is_empty() {
                        // AWS names all of `$."`, from the dollar sign on, when a quote follows the dot.
                        let wrong =
                            cursor.take_while(|next| !next.is_alphanumeric() && !next.is_whitespace());
                        return Err(PatternError::InvalidCharacters { term: format!("{text}.{wrong}") });
                    }
                    Step::Property(name.to_owned())
                }
            }
        } else {
            break;
        };
        match &step {
            Step::Property(name) => text.extend([".", name]),
            Step::Element(index) => text.push_str(&format!("[{index}]")),
            Step::Each => text.push_str("[*]"),
        }
        steps.push(step);
    }
    if steps.is_empty() { Err(PatternError::Invalid) } else { Ok(Selector { text, steps }) }
}

fn parse_bracket(cursor: &mut Cursor<'_>) -> Result<Step, PatternError> {
    let step = if cursor.eat("*") {
        Step::Each
    } else if cursor.eat("\"") {
        Step::Property(cursor.quoted('"')?)
    } else if cursor.eat("'") {
        Step::Property(cursor.quoted('\'')?)
    } else {
        let digits = cursor.take_while(|next| next.is_ascii_digit());
        Step::Element(digits.parse().map_err(|_| PatternError::Invalid)?)
    };
    if cursor.eat("]") { Ok(step) } else { Err(PatternError::Invalid) }
}

impl JsonPattern {
    pub(super) fn literal(&self) -> Option<&Finder<'static>> {
        self.literal.as_ref()
    }

    pub(super) fn matches(&self, message: &[u8]) -> bool {
        let Some(first) = message.iter().find(|byte| !byte.is_ascii_whitespace()) else { return false };
        if !matches!(first, b'{' | b'[') {
            return false;
        }
        let may_match = |literal: &Finder<'_>| {
            literal.find(message).is_some() || memchr::memchr(b'\\', message).is_some()
        };
        if !self.literal.as_ref().is_none_or(may_match) {
            return false;
        }
        match serde_json::from_slice::<Value>(message) {
            Ok(value) => self.expression.holds(&|condition| condition.holds(&value)),
            Err(_) => false,
        }
    }

    pub(super) fn extract(&self, message: &[u8]) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        let Ok(root) = serde_json::from_slice::<Value>(message) else { return values };
        self.expression.each(&mut |condition| {
            condition.selector.any(&root, &mut |value| {
                if let Some(text) = scalar_text(value) {
                    values.insert(condition.selector.text.clone(), text);
                }
                true
            });
        });
        values
    }
}

impl Condition {
    fn is_regex(&self) -> bool {
        matches!(&self.check, Check::Compare(comparison) if comparison.is_regex())
    }

    fn literals(&self) -> Vec<Vec<u8>> {
        let mut literals = Vec::new();
        if matches!(self.check, Check::NotExists) {
            return literals;
        }
        for step in &self.selector.steps {
            if let Step::Property(name) = step {
                literals.push(name.clone().into_bytes());
            }
        }
        if let Check::Compare(comparison) = &self.check {
            literals.extend(comparison.literal());
        }
        literals
    }

    fn holds(&self, root: &Value) -> bool {
        match &self.check {
            Check::NotExists => !self.selector.any(root, &mut |_| true),
            Check::IsNull => self.selector.any(root, &mut |value| value.is_null()),
            Check::IsBoolean(wanted) => {
                self.selector.any(root, &mut |value| value.as_bool() == Some(*wanted))
            }
            // Arrays, objects and null are no value nodes: they neither equal nor differ.
            Check::Compare(comparison) => self.selector.any(root, &mut |value| match value {
                Value::String(text) => comparison.holds(text.as_bytes(), None),
                Value::Number(number) => comparison.holds(number.to_string().as_bytes(), number.as_f64()),
                Value::Bool(truth) => comparison.holds(if *truth { b"true" } else { b"false" }, None),
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            }),
        }
    }
}

impl Selector {
    /// The first value that this selects, unless it is an array, an object or null.
    pub(super) fn first(&self, root: &Value) -> Option<String> {
        let mut found = None;
        self.any(root, &mut |value| {
            found = scalar_text(value);
            found.is_some()
        });
        found
    }

    /// Whether `check` holds for a value that this selects.
    fn any(&self, root: &Value, check: &mut impl FnMut(&Value) -> bool) -> bool {
        fn walk(value: &Value, steps: &[Step], check: &mut impl FnMut(&Value) -> bool) -> bool {
            let Some((step, rest)) = steps.split_first() else { return check(value) };
            match (step, value) {
                (Step::Property(name), Value::Object(map)) => {
                    map.get(name).is_some_and(|inner| walk(inner, rest, check))
                }
                (Step::Element(index), Value::Array(list)) => {
                    list.get(*index).is_some_and(|inner| walk(inner, rest, check))
                }
                (Step::Each, Value::Array(list)) => list.iter().any(|inner| walk(inner, rest, check)),
                (Step::Each, Value::Object(map)) => map.values().any(|inner| walk(inner, rest, check)),
                _ => false,
            }
        }
        walk(root, &self.steps, check)
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
