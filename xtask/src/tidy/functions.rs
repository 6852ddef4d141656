//! Finds the functions of a Rust file and how long they are, by counting braces.

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Of the word `fn`, from 1.
    pub line: usize,
    /// From the word `fn` to the closing brace.
    pub lines: usize,
}

pub fn functions(text: &str) -> Vec<Function> {
    let code = blank_texts_and_comments(text);
    let words: Vec<(usize, &str)> = words(&code);
    let mut found = Vec::new();
    for pair in words.windows(2) {
        let [(at, "fn"), (name_at, name)] = pair else { continue };
        // `fn(u8)` is a type, and has no name after the word.
        if code[at + 2..*name_at].trim().is_empty()
            && let Some(end) = body_end(&code, *name_at)
        {
            let line = line_of(&code, *at);
            let lines = line_of(&code, end) - line + 1;
            found.push(Function { name: (*name).to_owned(), line, lines });
        }
    }
    found
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// Where the body of the function whose name is at `from` ends; `None` when it has none.
fn body_end(code: &str, from: usize) -> Option<usize> {
    let (mut nested, mut braces) = (0_i32, 0_i32);
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested -= 1,
            b';' if nested == 0 && braces == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces -= 1;
                if braces <= 0 {
                    return (braces == 0).then_some(offset);
                }
            }
            _ => {}
        }
    }
    None
}

fn words(code: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in code.char_indices().chain([(code.len(), ' ')]) {
        match (character.is_alphanumeric() || character == '_', start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, &code[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The same text with spaces in place of comments, texts and characters; line breaks stay.
pub fn blank_texts_and_comments(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped_end(bytes, at);
        if end == at {
            code.push(bytes[at]);
            at += 1;
        } else {
            code.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
            at = end;
        }
    }
    // Blanked whole characters only, since they end at quotes and line breaks.
    String::from_utf8(code).unwrap_or_default()
}

/// Where the comment, text or character that begins at `at` ends; `at` itself when none begins there.
fn skipped_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let find = |needle: &[u8], from: usize| {
        rest[from.min(rest.len())..]
            .windows(needle.len())
            .position(|window| window == needle)
            .map_or(bytes.len(), |position| at + from + position + needle.len())
    };
    let after_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => find(b"\n", 0).saturating_sub(1).max(at + 1),
        [b'/', b'*', ..] => find(b"*/", 2),
        [b'r', b'"' | b'#', ..] if !after_word => raw_text_end(rest).map_or(at, |hashes| {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            find(&close, hashes + 2)
        }),
        [b'"', ..] => quoted_end(bytes, at),
        [b'\'', b'\\', ..] => find(b"'", 3),
        // A lifetime has no closing quote after one character.
        [b'\'', ..] => {
            let length = std::str::from_utf8(&rest[1..rest.len().min(5)])
                .map_or_else(|error| error.valid_up_to(), str::len)
                .min(4);
            let character =
                std::str::from_utf8(&rest[1..1 + length]).ok().and_then(|text| text.chars().next());
            match character {
                Some(character) if rest.get(1 + character.len_utf8()) == Some(&b'\'') => {
                    at + 2 + character.len_utf8()
                }
                _ => at,
            }
        }
        _ => at,
    }
}

fn raw_text_end(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    (rest.get(1 + hashes) == Some(&b'"')).then_some(hashes)
}

fn quoted_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[(&str, usize, usize)]) {
        let found = functions(text);
        let found: Vec<_> =
            found.iter().map(|found| (found.name.as_str(), found.line, found.lines)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn functions_are_found_and_measured() {
        check("fn a() {\n}\n", &[("a", 1, 2)]);
        check("trait T {\n    fn a();\n    fn b(x: [u8; 2]) -> u8 {\n        1\n    }\n}", &[("b", 3, 3)]);
        check(
            "// fn no() {}\nstruct S { f: fn(u8) -> u8 }\nfn a() { let x = \"}\"; let y = '}'; }",
            &[("a", 3, 1)],
        );
        check("fn a<'x>(y: &'x str) {\n r#\"} fn b() {\"#;\n /* { */ '\\'';\n}", &[("a", 1, 4)]);
        check("fn a() {\n    fn b() {\n    }\n}", &[("a", 1, 4), ("b", 2, 2)]);
        check("fn a() { 'ü'; }", &[("a", 1, 1)]);
    }
}
