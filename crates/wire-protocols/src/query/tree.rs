//! Form-encoded parameters as a tree: `Filter.1.Value.2=x` is four levels deep.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wire_schema::DecodeError;

use crate::limits::{QUERY_DEPTH_MAX, QUERY_PARAMETERS_MAX};

#[derive(Debug, Default)]
pub struct Node {
    pub value: Option<String>,
    pub children: BTreeMap<String, Node>,
}

impl Node {
    /// Builds the tree of all parameters; a repeated parameter keeps its last value.
    pub fn parse(texts: &[&str]) -> Result<Node, DecodeError> {
        let mut root = Node::default();
        let mut count = 0;
        for pair in texts.iter().flat_map(|text| form_pairs(text)) {
            let (name, value) = pair?;
            count += 1;
            if count > QUERY_PARAMETERS_MAX {
                return Err(DecodeError::limit(format!(
                    "The request has more than {QUERY_PARAMETERS_MAX} parameters"
                )));
            }
            let mut node = &mut root;
            for (depth, segment) in name.split('.').enumerate() {
                if depth > QUERY_DEPTH_MAX {
                    return Err(DecodeError::limit(format!(
                        "Parameters nest deeper than {QUERY_DEPTH_MAX} levels"
                    )));
                }
                node = node.children.entry(segment.to_owned()).or_default();
            }
            node.value = Some(value.into_owned());
        }
        Ok(root)
    }

    /// The numbered children, in the order of their numbers.
    pub fn elements(&self) -> Vec<&Node> {
        let mut numbered: Vec<(u32, &Node)> =
            self.children.iter().filter_map(|(name, node)| Some((name.parse().ok()?, node))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, node)| node).collect()
    }
}

type Pair<'a> = Result<(Cow<'a, str>, Cow<'a, str>), DecodeError>;

/// The decoded pairs of `application/x-www-form-urlencoded` text.
pub fn form_pairs(text: &str) -> impl Iterator<Item = Pair<'_>> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode_component(name)?, decode_component(value)?))
    })
}

/// Undoes form encoding: `+` is a space, `%XX` a byte.
pub fn decode_component(text: &str) -> Result<Cow<'_, str>, DecodeError> {
    let malformed = || DecodeError::syntax("A parameter is not valid form encoding");
    if !text.bytes().any(|byte| byte == b'+' || byte == b'%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.get(..2).ok_or_else(malformed)?;
                let high = char::from(digits[0]).to_digit(16).ok_or_else(malformed)?;
                let low = char::from(digits[1]).to_digit(16).ok_or_else(malformed)?;
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            plain => bytes.push(*plain),
        }
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| DecodeError::syntax("A parameter is not valid UTF-8"))
}
