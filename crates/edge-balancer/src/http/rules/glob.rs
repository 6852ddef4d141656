//! Patterns with `*` for any characters and `?` for one.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Glob {
    Exact(Box<[u8]>),
    /// One `*` at its end.
    Prefix(Box<[u8]>),
    /// One `*` at its start.
    Suffix(Box<[u8]>),
    Pieces(Box<[Token]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Byte(u8),
    One,
    Many,
}

impl Glob {
    /// `escapes`: a backslash takes the meaning of what follows it.
    pub fn compile(pattern: &str, escapes: bool) -> Glob {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut bytes = pattern.bytes();
        while let Some(byte) = bytes.next() {
            tokens.push(match byte {
                b'\\' if escapes => Token::Byte(bytes.next().unwrap_or(b'\\')),
                b'*' => Token::Many,
                b'?' => Token::One,
                _ => Token::Byte(byte),
            });
        }
        let literal = |tokens: &[Token]| -> Option<Box<[u8]>> {
            let byte = |token: &Token| if let Token::Byte(byte) = token { Some(*byte) } else { None };
            tokens.iter().map(byte).collect()
        };
        if let Some(text) = literal(&tokens) {
            return Glob::Exact(text);
        }
        if let [rest @ .., Token::Many] = tokens.as_slice()
            && let Some(text) = literal(rest)
        {
            return Glob::Prefix(text);
        }
        if let [Token::Many, rest @ ..] = tokens.as_slice()
            && let Some(text) = literal(rest)
        {
            return Glob::Suffix(text);
        }
        Glob::Pieces(tokens.into_boxed_slice())
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Glob::Exact(wanted) => **wanted == *text,
            Glob::Prefix(start) => text.starts_with(start),
            Glob::Suffix(end) => text.ends_with(end),
            Glob::Pieces(tokens) => matches_pieces(tokens, text),
        }
    }
}

/// Linear in practice and never worse than the product of both lengths: it goes back to the last `*` alone.
fn matches_pieces(tokens: &[Token], text: &[u8]) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut last_many: Option<(usize, usize)> = None;
    while at < text.len() {
        match tokens.get(token) {
            Some(Token::Many) => {
                last_many = Some((token, at));
                token += 1;
            }
            Some(Token::One) => {
                token += 1;
                at += 1;
            }
            Some(Token::Byte(byte)) if *byte == text[at] => {
                token += 1;
                at += 1;
            }
            _ => match &mut last_many {
                Some((many, from)) => {
                    *from += 1;
                    token = *many + 1;
                    at = *from;
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|token| *token == Token::Many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Glob::compile(pattern, true).matches(text.as_bytes()), expected, "{pattern} {text}");
        };
        check("", "", true);
        check("a*b*c", "axxbyybzc", true);
        check("a*b*c", "axxbyybz", false);
        check("*a*", "xxaxx", true);
        check("**", "", true);
        check("?", "", false);
        check("a\\*b", "a*b", true);
        check("a\\*b", "axb", false);
        check("*x?", "abxc", true);
        check("*x?", "abx", false);
    }
}
