//! SEARCH: which series a text speaks of.
//!
//! `{Namespace,Dimension} MetricName="Exactly" part OR NOT (Dimension=part)`. Words in quotes are whole names or values; others are
//! made of tokens (letters and digits apart, `CPUUtilization` is `cpu` and `utilization`), which must follow each other somewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use stdx::clock::Timestamp;

use super::value::Fault;
use crate::limits::{MATH_DEPTH_MAX, SEARCH_SERIES_MAX};
use crate::metrics::id::MetricId;
use crate::metrics::store::{MetricStore, Selector};

/// Series that had no data for so long aren't found.
const RECENT: Duration = Duration::from_secs(14 * 86_400);

#[derive(Debug)]
pub(super) struct Search {
    /// The namespace and exactly these dimensions.
    schema: Option<(String, BTreeSet<String>)>,
    term: Option<Term>,
}

#[derive(Debug)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    /// The property (none: any), and what it has.
    Has(Option<String>, Word),
}

#[derive(Clone, Debug, PartialEq)]
struct Word {
    text: String,
    is_exact: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(Word),
    Sign(char),
}

pub(super) fn parse(text: &str) -> Result<Search, Fault> {
    let failed = |what: String| Fault::Message(format!("SEARCH: {what}"));
    let mut parser = Parser { tokens: tokens(text).map_err(failed)?.into_iter().peekable(), depth: 0 };
    let schema = parser.schema().map_err(failed)?;
    let term = match parser.tokens.peek() {
        None => None,
        Some(_) => Some(parser.any().map_err(failed)?),
    };
    match (parser.tokens.next(), &schema, &term) {
        (Some(Token::Sign(sign)), ..) => Err(failed(format!("unexpected '{sign}'"))),
        (Some(Token::Word(word)), ..) => Err(failed(format!("unexpected '{}'", word.text))),
        (None, None, None) => Err(failed("there is nothing to search for".into())),
        (None, ..) => Ok(Search { schema, term }),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            _ if letter.is_whitespace() => {}
            '{' | '}' | '(' | ')' | '=' | ',' => found.push(Token::Sign(letter)),
            '"' => {
                let mut text = String::new();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => text.extend(letters.next()),
                        Some(letter) => text.push(letter),
                        None => return Err("a quoted term has no end".into()),
                    }
                }
                found.push(Token::Word(Word { text, is_exact: true }));
            }
            _ => {
                let mut text = String::from(letter);
                let is_part = |letter: &char| !letter.is_whitespace() && !"{}()=,\"".contains(*letter);
                while let Some(letter) = letters.next_if(is_part) {
                    text.push(letter);
                }
                found.push(Token::Word(Word { text, is_exact: false }));
            }
        }
    }
    Ok(found)
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn take(&mut self, sign: char) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn take_word(&mut self, text: &str) -> bool {
        self.tokens.next_if_eq(&Token::Word(Word { text: text.to_owned(), is_exact: false })).is_some()
    }

    fn schema(&mut self) -> Result<Option<(String, BTreeSet<String>)>, String> {
        if !self.take('{') {
            return Ok(None);
        }
        let mut names = Vec::new();
        loop {
            let mut words = Vec::new();
            while let Some(Token::Word(word)) = self.tokens.next_if(|token| matches!(token, Token::Word(_))) {
                words.push(word.text);
            }
            if words.is_empty() {
                return Err("a name is missing in the schema".into());
            }
            names.push(words.join(" "));
            if self.take('}') {
                break;
            }
            if !self.take(',') {
                return Err("the schema has no end".into());
            }
        }
        let namespace = names.remove(0);
        Ok(Some((namespace, names.into_iter().collect())))
    }

    fn any(&mut self) -> Result<Term, String> {
        self.depth += 1;
        if self.depth > MATH_DEPTH_MAX {
            return Err("it is nested too deeply".into());
        }
        let mut terms = vec![self.all()?];
        while self.take_word("OR") {
            terms.push(self.all()?);
        }
        self.depth -= 1;
        Ok(Term::Any(terms))
    }

    fn all(&mut self) -> Result<Term, String> {
        let mut terms = vec![self.term()?];
        loop {
            let is_joined = self.take_word("AND");
            match self.tokens.peek() {
                Some(Token::Word(word)) if word.text != "OR" || word.is_exact => terms.push(self.term()?),
                Some(Token::Sign('(')) => terms.push(self.term()?),
                _ if is_joined => return Err("a term is missing after AND".into()),
                _ => return Ok(Term::All(terms)),
            }
        }
    }

    fn term(&mut self) -> Result<Term, String> {
        if self.take_word("NOT") {
            self.depth += 1;
            if self.depth > MATH_DEPTH_MAX {
                return Err("it is nested too deeply".into());
            }
            let inner = self.term()?;
            self.depth -= 1;
            return Ok(Term::Not(Box::new(inner)));
        }
        if self.take('(') {
            let inner = self.any()?;
            return if self.take(')') { Ok(inner) } else { Err("')' is missing".into()) };
        }
        let word = self.word()?;
        if !self.take('=') {
            return Ok(Term::Has(None, word));
        }
        let property = Some(word.text);
        if !self.take('(') {
            return Ok(Term::Has(property, self.word()?));
        }
        let mut choices = vec![Term::Has(property.clone(), self.word()?)];
        while self.take_word("OR") {
            choices.push(Term::Has(property.clone(), self.word()?));
        }
        if self.take(')') { Ok(Term::Any(choices)) } else { Err("')' is missing".into()) }
    }

    fn word(&mut self) -> Result<Word, String> {
        match self.tokens.next() {
            Some(Token::Word(word)) if word.text.starts_with(':') => {
                Err(format!("'{}' isn't supported here", word.text))
            }
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Sign(sign)) => Err(format!("unexpected '{sign}'")),
            None => Err("a term is missing".into()),
        }
    }
}

impl Search {
    pub(super) fn find(&self, store: &MetricStore, partition: &str, until: i64) -> Vec<MetricId> {
        let (namespace, dimensions) = match &self.schema {
            None => (None, Vec::new()),
            Some((namespace, names)) => {
                (Some(namespace.clone()), names.iter().map(|name| (name.clone(), None)).collect())
            }
        };
        let since = Some(Timestamp::from_secs(until).minus(RECENT));
        let selector = Selector { partition: partition.to_owned(), namespace, name: None, dimensions, since };
        let found = store.list(&selector).into_iter().map(|info| info.id);
        found.filter(|id| self.is_of(id)).take(SEARCH_SERIES_MAX).collect()
    }

    fn is_of(&self, id: &MetricId) -> bool {
        let has_schema = self.schema.as_ref().is_none_or(|(namespace, names)| {
            *id.namespace == **namespace
                && id.dimensions.iter().map(|(name, _)| &**name).eq(names.iter().map(String::as_str))
        });
        has_schema && self.term.as_ref().is_none_or(|term| term.is_of(id))
    }
}

impl Term {
    fn is_of(&self, id: &MetricId) -> bool {
        match self {
            Term::All(terms) => terms.iter().all(|term| term.is_of(id)),
            Term::Any(terms) => terms.iter().any(|term| term.is_of(id)),
            Term::Not(term) => !term.is_of(id),
            Term::Has(Some(property), word) => match property.as_str() {
                "MetricName" => word.is_in(&id.name),
                "Namespace" => word.is_in(&id.namespace),
                _ => id.dimensions.iter().any(|(name, value)| **name == **property && word.is_in(value)),
            },
            Term::Has(None, word) => {
                word.is_in(&id.name)
                    || word.is_in(&id.namespace)
                    || id.dimensions.iter().any(|(name, value)| word.is_in(name) || word.is_in(value))
            }
        }
    }
}

impl Word {
    fn is_in(&self, text: &str) -> bool {
        if self.is_exact {
            return self.text == text;
        }
        let (wanted, own) = (parts(&self.text), parts(text));
        self.text.eq_ignore_ascii_case(text)
            || (!wanted.is_empty() && own.windows(wanted.len()).any(|some| *some == wanted[..]))
    }
}

/// `HTTPCode_Target_5XX` is `http`, `code`, `target`, `5`, `xx`.
fn parts(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut parts = vec![String::new()];
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| letters[before]);
        let next_is_small = letters.get(place + 1).is_some_and(|next| next.is_lowercase());
        let is_new = before.is_some_and(|before| {
            let is_hump =
                letter.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small));
            is_hump || before.is_numeric() != letter.is_numeric()
        });
        if is_new || !letter.is_alphanumeric() {
            parts.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(last) = parts.last_mut()
        {
            last.extend(letter.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// What tells the series of a search apart: the names and values that aren't the same in all.
pub(super) fn labels(ids: &[MetricId]) -> Vec<String> {
    let Some(first) = ids.first() else { return Vec::new() };
    let value = |id: &MetricId, name: &str| {
        id.dimensions.iter().find(|(own, _)| **own == *name).map(|(_, value)| value.to_string())
    };
    let dimensions: BTreeSet<&str> =
        ids.iter().flat_map(|id| id.dimensions.iter().map(|(name, _)| &**name)).collect();
    let differing: Vec<&str> = dimensions
        .into_iter()
        .filter(|name| ids.iter().any(|id| value(id, name) != value(first, name)))
        .collect();
    let has_names = differing.is_empty() || ids.iter().any(|id| id.name != first.name);
    let label = |id: &MetricId| {
        let mut parts: Vec<String> = differing.iter().filter_map(|name| value(id, name)).collect();
        if has_names {
            parts.push(id.name.to_string());
        }
        parts.join(" ")
    };
    ids.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (text, expect) in [
            ("CPUUtilization", "cpu utilization"),
            ("HTTPCode_Target_5XX_Count", "http code target 5 xx count"),
            ("i-0abc", "i 0 abc"),
            ("", ""),
        ] {
            assert_eq!(parts(text).join(" "), expect);
        }
    }

    #[test]
    fn terms_find_series() {
        let id = MetricId::new(
            "p",
            "AWS/ECS",
            "CPUUtilization",
            [("ClusterName", "prod-eu"), ("ServiceName", "web")],
        );
        for (text, expect) in [
            ("{AWS/ECS,ClusterName,ServiceName}", true),
            ("{AWS/ECS, ServiceName, \"ClusterName\"} MetricName=\"CPUUtilization\"", true),
            ("{AWS/ECS,ClusterName}", false),
            ("{AWS/ECS,ClusterName,ServiceName,X}", false),
            ("{AWS/EC2,ClusterName,ServiceName}", false),
            ("Namespace=\"AWS/ECS\" cpu", true),
            ("Utilization", true),
            ("CPUUtil", false),
            ("MetricName=\"CPU\"", false),
            ("MetricName=cpu AND NOT ServiceName=web", false),
            ("MetricName=memory OR ServiceName=(api OR web)", true),
            ("(memory OR cpu) NOT (staging)", true),
            ("ClusterName=prod", true),
            ("ClusterName=\"prod\"", false),
            ("ServiceName=prod", false),
            ("cpu memory", false),
            ("\"web\"", true),
        ] {
            assert_eq!(parse(text).expect(text).is_of(&id), expect, "{text}");
        }
        for text in ["", "{", "{}", "{A,}", "a AND", "(a", "a =", "a)", "\"a", ":aws.AccountId=1", "NOT"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
