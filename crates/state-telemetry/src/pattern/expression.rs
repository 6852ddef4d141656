//! Conditions joined by `&&`, `||` and parentheses; `&&` binds tighter.

use super::PatternError;
use super::cursor::Cursor;
use crate::limits::PATTERN_DEPTH_MAX;

#[derive(Clone, Debug)]
pub(super) enum Expression<C> {
    Condition(C),
    All(Vec<Expression<C>>),
    Any(Vec<Expression<C>>),
}

impl<C> Expression<C> {
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        depth: usize,
        condition: &mut impl FnMut(&mut Cursor<'_>) -> Result<C, PatternError>,
    ) -> Result<Self, PatternError> {
        let mut any = Vec::new();
        loop {
            let mut all = Vec::new();
            loop {
                all.push(Self::parse_one(cursor, depth, condition)?);
                cursor.skip_space();
                if !cursor.eat("&&") {
                    break;
                }
            }
            any.push(single_or(all, Expression::All));
            if !cursor.eat("||") {
                return Ok(single_or(any, Expression::Any));
            }
        }
    }

    fn parse_one(
        cursor: &mut Cursor<'_>,
        depth: usize,
        condition: &mut impl FnMut(&mut Cursor<'_>) -> Result<C, PatternError>,
    ) -> Result<Self, PatternError> {
        cursor.skip_space();
        if !cursor.eat("(") {
            return Ok(Expression::Condition(condition(cursor)?));
        }
        if depth >= PATTERN_DEPTH_MAX {
            return Err(PatternError::Invalid);
        }
        let inner = Self::parse(cursor, depth + 1, condition)?;
        cursor.skip_space();
        if cursor.eat(")") { Ok(inner) } else { Err(PatternError::Invalid) }
    }

    pub(super) fn holds(&self, condition: &impl Fn(&C) -> bool) -> bool {
        match self {
            Expression::Condition(one) => condition(one),
            Expression::All(all) => all.iter().all(|part| part.holds(condition)),
            Expression::Any(any) => any.iter().any(|part| part.holds(condition)),
        }
    }

    pub(super) fn each(&self, visit: &mut impl FnMut(&C)) {
        match self {
            Expression::Condition(one) => visit(one),
            Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
        }
    }

    /// Visits only the conditions that every match fulfils: those not below an `||`.
    pub(super) fn each_required(&self, visit: &mut impl FnMut(&C)) {
        match self {
            Expression::Condition(one) => visit(one),
            Expression::All(parts) => parts.iter().for_each(|part| part.each_required(visit)),
            Expression::Any(_) => {}
        }
    }
}

fn single_or<T>(mut parts: Vec<T>, join: impl Fn(Vec<T>) -> T) -> T {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}
