//! An XML document as a tree. Only requests of restXml services (and answers, in clients) are read this way.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use wire_schema::DecodeError;

use crate::limits::{NESTING_DEPTH_MAX, XML_ELEMENTS_MAX};

#[derive(Debug, Default)]
pub struct Element {
    /// Without its namespace prefix.
    pub name: String,
    /// With their prefixes, as models name them (`xsi:type`).
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    /// Parses a document. Doctypes are refused: no AWS client sends one, and entities are how XML parsers are
    /// attacked.
    pub fn parse(body: &[u8]) -> Result<Element, DecodeError> {
        let text =
            std::str::from_utf8(body).map_err(|_| DecodeError::syntax("The body is not valid UTF-8"))?;
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Element> = vec![Element::default()];
        let mut elements = 0;
        loop {
            let event = reader.read_event().map_err(|error| malformed(&error.to_string()))?;
            let depth = open.len();
            let Some(innermost) = open.last_mut() else { return Err(malformed("an end without a start")) };
            match event {
                Event::Start(start) => {
                    elements += 1;
                    check_limits(elements, depth)?;
                    open.push(element(&start)?);
                }
                Event::Empty(start) => {
                    elements += 1;
                    check_limits(elements, depth)?;
                    innermost.children.push(element(&start)?);
                }
                Event::End(_) => {
                    let Some(done) = open.pop() else { return Err(malformed("an end without a start")) };
                    let Some(parent) = open.last_mut() else {
                        return Err(malformed("an end without a start"));
                    };
                    parent.children.push(done);
                }
                Event::Text(text) => innermost.text.push_str(&text.xml10_content()),
                Event::CData(text) => innermost.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => innermost.text.push(resolve(&reference)?),
                Event::DocType(_) => return Err(malformed("document types are not supported")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        let mut top = match (open.pop(), open.is_empty()) {
            (Some(top), true) => top,
            _ => return Err(malformed("an element is not closed")),
        };
        match (top.children.pop(), top.children.is_empty(), top.text.trim().is_empty()) {
            (Some(root), true, true) => Ok(root),
            _ => Err(malformed("a document has exactly one root element")),
        }
    }

    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, DecodeError> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| malformed(&error.to_string()))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_err(|error| malformed(&error.to_string()))?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { name: start.local_name().as_ref().to_owned(), attributes, ..Element::default() })
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, DecodeError> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| malformed(&error.to_string()))? {
        return Ok(character);
    }
    match &*reference.xml10_content() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(malformed("an unknown entity")),
    }
}

fn check_limits(elements: usize, depth: usize) -> Result<(), DecodeError> {
    if elements > XML_ELEMENTS_MAX {
        return Err(DecodeError::limit(format!("The body has more than {XML_ELEMENTS_MAX} elements")));
    }
    if depth > NESTING_DEPTH_MAX {
        return Err(DecodeError::limit(format!("The body nests deeper than {NESTING_DEPTH_MAX} levels")));
    }
    Ok(())
}

fn malformed(reason: &str) -> DecodeError {
    DecodeError::syntax(format!("The XML is not well-formed: {reason}"))
}
