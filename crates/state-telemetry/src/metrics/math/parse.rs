//! Expressions as trees.

use super::token::{Token, tokens, unexpected};
use crate::limits::{MATH_BYTES_MAX, MATH_DEPTH_MAX};

#[derive(Clone, Debug, PartialEq)]
pub(in crate::metrics) enum Expression {
    Number(f64),
    Text(String),
    /// Another query, or a choice of a function such as `REPEAT`.
    Name(String),
    Array(Vec<Expression>),
    Negate(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metrics) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        OPERATORS.iter().find(|(.., operator)| *operator == self).map_or("", |(sign, ..)| sign)
    }
}

/// How tightly each binds.
const OPERATORS: [(&str, u8, Operator); 13] = [
    ("||", 1, Operator::Or),
    ("&&", 2, Operator::And),
    ("==", 3, Operator::Equal),
    ("!=", 3, Operator::Unequal),
    ("<", 4, Operator::Less),
    ("<=", 4, Operator::LessOrEqual),
    (">", 4, Operator::Greater),
    (">=", 4, Operator::GreaterOrEqual),
    ("+", 5, Operator::Add),
    ("-", 5, Operator::Subtract),
    ("*", 6, Operator::Multiply),
    ("/", 6, Operator::Divide),
    ("^", 8, Operator::Power),
];

/// A minus before something binds tighter than a product, and looser than a power.
const NEGATE: u8 = 7;

pub(in crate::metrics) fn parse(text: &str) -> Result<Expression, String> {
    if text.len() > MATH_BYTES_MAX {
        return Err(format!("The expression is longer than {MATH_BYTES_MAX} characters"));
    }
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), depth: 0 };
    let expression = parser.expression(0)?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(token) => Err(unexpected(&word(&token))),
    }
}

fn word(token: &Token) -> String {
    match token {
        Token::Number(number) => number.to_string(),
        Token::Name(text) | Token::Text(text) => text.clone(),
        Token::Sign(sign) => (*sign).to_owned(),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn expression(&mut self, tightness_min: u8) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MATH_DEPTH_MAX {
            return Err(String::from("The expression is nested too deeply"));
        }
        let mut left = self.operand()?;
        while let Some((tightness, operator)) =
            self.operator().filter(|(tightness, _)| *tightness >= tightness_min)
        {
            self.tokens.next();
            // Powers group from the right: 2^3^2 is 2^9.
            let next = if operator == Operator::Power { tightness } else { tightness + 1 };
            left = Expression::Binary(operator, Box::new(left), Box::new(self.expression(next)?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&mut self) -> Option<(u8, Operator)> {
        let Some(Token::Sign(sign)) = self.tokens.peek() else { return None };
        OPERATORS.iter().find(|(own, ..)| own == sign).map(|(_, tightness, operator)| (*tightness, *operator))
    }

    fn operand(&mut self) -> Result<Expression, String> {
        let token = self.tokens.next().ok_or("Syntax error: unexpected end of the expression")?;
        Ok(match token {
            Token::Number(number) => Expression::Number(number),
            Token::Text(text) => Expression::Text(text),
            Token::Sign("-") => Expression::Negate(Box::new(self.expression(NEGATE)?)),
            Token::Sign("+") => self.expression(NEGATE)?,
            Token::Sign("(") => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => Expression::Array(self.list("]")?),
            Token::Name(name) if self.is_next("(") => {
                self.tokens.next();
                Expression::Call(name, self.list(")")?)
            }
            Token::Name(name) => Expression::Name(name),
            Token::Sign(sign) => return Err(unexpected(sign)),
        })
    }

    fn is_next(&mut self, sign: &str) -> bool {
        matches!(self.tokens.peek(), Some(Token::Sign(next)) if *next == sign)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        match self.tokens.next() {
            Some(Token::Sign(next)) if next == sign => Ok(()),
            Some(token) => Err(unexpected(&word(&token))),
            None => Err(format!("Syntax error: '{sign}' is missing")),
        }
    }

    /// What follows an opening sign, with the closing one.
    fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, String> {
        let mut all = Vec::new();
        if self.is_next(end) {
            self.tokens.next();
            return Ok(all);
        }
        loop {
            all.push(self.expression(0)?);
            if self.is_next(end) {
                self.tokens.next();
                return Ok(all);
            }
            self.expect(",")?;
        }
    }
}

impl Expression {
    /// The queries that it speaks of; choices of functions are upper-case, so they aren't among them.
    pub(in crate::metrics) fn names(&self) -> Vec<&str> {
        match self {
            Expression::Number(_) | Expression::Text(_) => Vec::new(),
            Expression::Name(name) if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                Vec::new()
            }
            Expression::Name(name) => vec![name],
            Expression::Negate(inner) => inner.names(),
            Expression::Binary(_, left, right) => left.names().into_iter().chain(right.names()).collect(),
            Expression::Array(all) | Expression::Call(_, all) => {
                all.iter().flat_map(Expression::names).collect()
            }
        }
    }
}
