//! The words of an expression.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    /// A name: of a query, a function, or a choice such as `REPEAT`.
    Name(String),
    Text(String),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 21] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "{", "}",
    ";",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_alphabetic() || first == '_' {
            let length = run(rest, |letter| letter.is_ascii_alphanumeric() || letter == '_');
            found.push(match &rest[..length] {
                "AND" => Token::Sign("&&"),
                "OR" => Token::Sign("||"),
                name => Token::Name(name.to_owned()),
            });
            length
        } else if first.is_ascii_digit() || first == '.' {
            let length = number_length(rest);
            let number = rest[..length].parse().map_err(|_| unexpected(&rest[..length]))?;
            found.push(Token::Number(number));
            length
        } else if first == '\'' || first == '"' {
            let (text, length) = quoted(rest, first)?;
            found.push(Token::Text(text));
            length
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| unexpected(first.encode_utf8(&mut [0; 4])))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

pub(super) fn unexpected(what: &str) -> String {
    format!("Syntax error: unexpected '{what}'")
}

fn run(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !is_part(letter)).unwrap_or(text.len())
}

/// Digits with a point, and an exponent if there is a whole one.
fn number_length(text: &str) -> usize {
    let length = run(text, |letter| letter.is_ascii_digit() || letter == '.');
    let Some(exponent) = text[length..].strip_prefix(['e', 'E']) else { return length };
    let sign = usize::from(exponent.starts_with(['+', '-']));
    match run(&exponent[sign..], |letter| letter.is_ascii_digit()) {
        0 => length,
        digits => length + 1 + sign + digits,
    }
}

/// A text in quotes, and how long it is with them. A backslash takes what follows as it is.
fn quoted(text: &str, quote: char) -> Result<(String, usize), String> {
    let mut inner = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((place, letter)) = letters.next() {
        if letter == quote {
            return Ok((inner, place + 1));
        }
        match letter {
            '\\' => inner.extend(letters.next().map(|(_, letter)| letter)),
            _ => inner.push(letter),
        }
    }
    Err(String::from("Syntax error: a string has no end"))
}
