//! The command `parse`: fields out of a text by a pattern with stars, or by a regular expression.

use regex::Regex;

use super::cursor::Cursor;
use super::expression;
use super::parser::{QueryError, regex};
use super::syntax::{Command, Expression};

/// `parse @message "user=* took *ms" as user, took`, `parse @message /user=(?<user>\w+)/`
pub(super) fn command(cursor: &mut Cursor<'_>) -> Result<Command, QueryError> {
    let begins_with_pattern = matches!(cursor.peek(), Some('"' | '\'' | '/'));
    let source = if begins_with_pattern {
        Expression::Field(String::from("@message"))
    } else {
        expression::parse_operand(cursor)?
    };
    let place = *cursor;
    if let Some(text) = cursor.slashed()? {
        let pattern = regex(&place, &text)?;
        let own: Vec<String> = pattern.capture_names().flatten().map(str::to_owned).collect();
        let names = names(cursor)?;
        if own.is_empty() && names.is_empty() {
            return Err(place.error("the regular expression has no named groups"));
        }
        if own.is_empty() && names.len() != pattern.captures_len() - 1 {
            return Err(place.error("there must be a name for each group of the regular expression"));
        }
        return Ok(Command::Parse { source, pattern, names: if own.is_empty() { names } else { own } });
    }
    let glob = cursor.quoted()?.ok_or_else(|| cursor.unexpected())?;
    let pattern = glob_regex(&place, &glob)?;
    let names = names(cursor)?;
    if names.len() != pattern.captures_len() - 1 || names.is_empty() {
        return Err(place.error("there must be a name for each * of the pattern"));
    }
    Ok(Command::Parse { source, pattern, names })
}

fn names(cursor: &mut Cursor<'_>) -> Result<Vec<String>, QueryError> {
    let mut names = Vec::new();
    if cursor.eat_word("as") {
        loop {
            names.push(cursor.name().ok_or_else(|| cursor.unexpected())?);
            if !cursor.eat(",") {
                break;
            }
        }
    }
    Ok(names)
}

/// Each star takes as little as it can; the last one, at the pattern's end, takes the rest.
fn glob_regex(place: &Cursor<'_>, glob: &str) -> Result<Regex, QueryError> {
    let pieces: Vec<&str> = glob.split('*').collect();
    let mut text = String::from("(?s)");
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            let is_rest = index == pieces.len() - 1 && piece.is_empty();
            text.push_str(if is_rest { "(.*)" } else { "(.*?)" });
        }
        text.push_str(&regex::escape(piece));
    }
    regex(place, &text)
}
