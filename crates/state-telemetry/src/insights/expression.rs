//! Expressions: their syntax and what they are worth for a row.

use super::cursor::Cursor;
use super::functions::Function;
use super::parser::{QueryError, regex};
use super::row::Row;
use super::syntax::{Expression, Operator};
use super::value::Value;
use crate::limits::{INSIGHTS_DEPTH_MAX, INSIGHTS_HEIGHT_MAX};

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Expression, QueryError> {
    binary(cursor, 0, 0)
}

/// An expression without operators.
pub(super) fn parse_operand(cursor: &mut Cursor<'_>) -> Result<Expression, QueryError> {
    operand(cursor, 0)
}

/// Operators of the same strength stand together; longer ones first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[
        ("!=", Operator::Unequal),
        ("<=", Operator::LessEqual),
        (">=", Operator::GreaterEqual),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
    &[("^", Operator::Power)],
];
const COMPARISONS: usize = 2;

fn binary(cursor: &mut Cursor<'_>, level: usize, depth: usize) -> Result<Expression, QueryError> {
    if depth > INSIGHTS_DEPTH_MAX {
        return Err(cursor.error("the expression is nested too deeply"));
    }
    let Some(operators) = LEVELS.get(level) else { return operand(cursor, depth) };
    if level == COMPARISONS && cursor.eat_word("not") {
        return Ok(Expression::Not(Box::new(binary(cursor, level, depth + 1)?)));
    }
    let mut left = binary(cursor, level + 1, depth)?;
    loop {
        if level == COMPARISONS
            && let Some(tested) = test(cursor, &left, depth)?
        {
            left = tested;
            if left.height() > INSIGHTS_HEIGHT_MAX {
                return Err(cursor.error("the expression has too many operators"));
            }
            continue;
        }
        let is_word = |token: &str| token.starts_with(|first: char| first.is_ascii_alphabetic());
        let found = operators.iter().find(|(token, _)| match is_word(token) {
            true => cursor.eat_word(token),
            false => cursor.eat(token),
        });
        let Some((_, operator)) = found else { return Ok(left) };
        let right = binary(cursor, level + 1, depth + 1)?;
        left = Expression::Binary(*operator, Box::new(left), Box::new(right));
        if left.height() > INSIGHTS_HEIGHT_MAX {
            return Err(cursor.error("the expression has too many operators"));
        }
    }
}

/// `like`, `=~`, `in`, with or without `not`.
fn test(cursor: &mut Cursor<'_>, left: &Expression, depth: usize) -> Result<Option<Expression>, QueryError> {
    let before = *cursor;
    let is_not = cursor.eat_word("not");
    let left = Box::new(left.clone());
    let tested = if cursor.eat_word("like") || cursor.eat("=~") {
        let place = *cursor;
        match cursor.slashed()? {
            Some(text) => Expression::Matches(left, regex(&place, &text)?),
            None if before.rest().trim_start().starts_with("=~") => {
                let text = cursor.quoted()?.ok_or_else(|| cursor.unexpected())?;
                Expression::Matches(left, regex(&place, &text)?)
            }
            None => Expression::Contains(left, Box::new(operand(cursor, depth + 1)?)),
        }
    } else if cursor.eat_word("in") {
        cursor.expect("[")?;
        let mut list = vec![binary(cursor, 0, depth + 1)?];
        while cursor.eat(",") {
            list.push(binary(cursor, 0, depth + 1)?);
        }
        cursor.expect("]")?;
        Expression::In(left, list)
    } else {
        *cursor = before;
        return Ok(None);
    };
    Ok(Some(if is_not { Expression::Not(Box::new(tested)) } else { tested }))
}

fn operand(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, QueryError> {
    if depth > INSIGHTS_DEPTH_MAX {
        return Err(cursor.error("the expression is nested too deeply"));
    }
    if cursor.eat("(") {
        let inside = binary(cursor, 0, depth + 1)?;
        cursor.expect(")")?;
        return Ok(inside);
    }
    if cursor.eat("-") {
        return Ok(Expression::Negative(Box::new(operand(cursor, depth + 1)?)));
    }
    if let Some(text) = cursor.quoted()? {
        return Ok(Expression::Text(text));
    }
    if let Some(number) = cursor.number() {
        return Ok(Expression::Number(number));
    }
    let begin = *cursor;
    let name = cursor.name().ok_or_else(|| cursor.unexpected())?;
    if cursor.rest().starts_with('(') {
        return call(cursor, &begin, &name, depth);
    }
    Ok(match name.as_str() {
        "true" => Expression::Bool(true),
        "false" => Expression::Bool(false),
        _ => Expression::Field(name),
    })
}

fn call(
    cursor: &mut Cursor<'_>,
    begin: &Cursor<'_>,
    name: &str,
    depth: usize,
) -> Result<Expression, QueryError> {
    cursor.expect("(")?;
    let lower = name.to_ascii_lowercase();
    if lower == "bin" {
        let millis = span(cursor)?;
        cursor.expect(")")?;
        return Ok(Expression::Bin(millis));
    }
    let function =
        Function::named(&lower).ok_or_else(|| begin.error(format!("unknown function '{name}'")))?;
    let mut arguments = Vec::new();
    if cursor.peek() != Some(')') {
        loop {
            // The second argument of these is a span of time.
            let is_span = function.takes_span() && arguments.len() == 1;
            arguments.push(if is_span {
                Expression::Number(span(cursor)? as f64)
            } else {
                binary(cursor, 0, depth + 1)?
            });
            if !cursor.eat(",") {
                break;
            }
        }
    }
    cursor.expect(")")?;
    if !function.arguments().contains(&arguments.len()) {
        return Err(begin.error(format!("the function '{name}' doesn't take {} arguments", arguments.len())));
    }
    Ok(Expression::Call(function, arguments))
}

/// `5m`, `1 hour`: milliseconds.
fn span(cursor: &mut Cursor<'_>) -> Result<i64, QueryError> {
    let place = *cursor;
    let number = cursor.number().ok_or_else(|| cursor.unexpected())?;
    let unit = cursor.name().unwrap_or_default();
    let millis = match unit.as_str() {
        "ms" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "second" | "seconds" => 1e3,
        "m" | "min" | "minute" | "minutes" => 60e3,
        "h" | "hr" | "hour" | "hours" => 3600e3,
        "d" | "day" | "days" => 86_400e3,
        "w" | "week" | "weeks" => 7.0 * 86_400e3,
        _ => return Err(place.error("a span of time is a number with ms, s, m, h, d or w")),
    };
    let span = number * millis;
    if (1.0..=400.0 * 86_400e3).contains(&span) {
        Ok(span as i64)
    } else {
        Err(place.error("the span of time is out of range"))
    }
}

impl Expression {
    /// How deep its evaluation calls itself.
    fn height(&self) -> usize {
        let below = match self {
            Expression::Call(_, list) => list.iter().map(Expression::height).max().unwrap_or(0),
            Expression::Not(one) | Expression::Negative(one) | Expression::Matches(one, _) => one.height(),
            Expression::Binary(_, left, right) | Expression::Contains(left, right) => {
                left.height().max(right.height())
            }
            Expression::In(one, list) => list.iter().map(Expression::height).fold(one.height(), usize::max),
            _ => 0,
        };
        below + 1
    }

    pub(super) fn value(&self, row: &Row) -> Value {
        match self {
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::Number(number) => Value::Number(*number),
            Expression::Bool(truth) => Value::Bool(*truth),
            Expression::Field(name) => row.field(name),
            Expression::Call(function, arguments) => function.apply(arguments, row),
            Expression::Bin(millis) => match row.field("@timestamp") {
                Value::Time(at) => Value::Time(at.div_euclid(*millis) * millis),
                _ => Value::Missing,
            },
            Expression::Not(inside) => Value::Bool(!inside.value(row).truth()),
            Expression::Negative(inside) => {
                inside.value(row).number().map_or(Value::Missing, |number| Value::Number(-number))
            }
            Expression::Binary(operator, left, right) => operator.apply(left, right, row),
            Expression::Matches(inside, regex) => {
                Value::Bool(inside.value(row).show().is_some_and(|text| regex.is_match(&text)))
            }
            Expression::Contains(inside, part) => {
                let (text, part) = (inside.value(row).show(), part.value(row).show());
                Value::Bool(text.zip(part).is_some_and(|(text, part)| text.contains(&part)))
            }
            Expression::In(inside, list) => {
                let value = inside.value(row);
                let is_same = |other: &Expression| {
                    value.compare(&other.value(row)).is_some_and(std::cmp::Ordering::is_eq)
                };
                Value::Bool(list.iter().any(is_same))
            }
        }
    }
}

impl Operator {
    fn apply(self, left: &Expression, right: &Expression, row: &Row) -> Value {
        use std::cmp::Ordering::{Equal, Greater, Less};
        match self {
            Operator::Or => return Value::Bool(left.value(row).truth() || right.value(row).truth()),
            Operator::And => return Value::Bool(left.value(row).truth() && right.value(row).truth()),
            _ => {}
        }
        let (left, right) = (left.value(row), right.value(row));
        let order = || left.compare(&right);
        let calculate = |result: fn(f64, f64) -> f64| {
            let result = left.number().zip(right.number()).map(|(left, right)| result(left, right));
            result.filter(|result| result.is_finite()).map_or(Value::Missing, Value::Number)
        };
        match self {
            Operator::Or | Operator::And => Value::Missing,
            Operator::Equal => Value::Bool(order() == Some(Equal)),
            Operator::Unequal => Value::Bool(order() != Some(Equal)),
            Operator::Less => Value::Bool(order() == Some(Less)),
            Operator::LessEqual => Value::Bool(matches!(order(), Some(Less | Equal))),
            Operator::Greater => Value::Bool(order() == Some(Greater)),
            Operator::GreaterEqual => Value::Bool(matches!(order(), Some(Greater | Equal))),
            Operator::Add => calculate(|left, right| left + right),
            Operator::Subtract => calculate(|left, right| left - right),
            Operator::Multiply => calculate(|left, right| left * right),
            Operator::Divide => calculate(|left, right| left / right),
            Operator::Remainder => calculate(|left, right| left % right),
            Operator::Power => calculate(f64::powf),
        }
    }
}
