//! Pages of a bucket's objects: the part that both versions of the operation share.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use state_blobs::Digest;
use state_model::s3::Object;
use state_tables::{Row, View};
use wire_schema::{Instant, ServiceError};
use wire_shapes_platform::s3;

use super::errors::invalid_argument;
use super::limits::PAGE_KEYS_MAX;

/// What stays as it is when a client asks for names encoded as in URLs.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub bucket: String,
    pub prefix: String,
    pub delimiter: String,
    /// Where the page begins: after this name, or after all names below it when it is a common prefix.
    pub after: String,
    pub limit: usize,
}

#[derive(Debug, Default)]
pub struct Page {
    pub objects: Vec<Row<Object>>,
    pub prefixes: Vec<String>,
    /// The last name or common prefix of the page, when there are more.
    pub next: Option<String>,
}

impl Wanted {
    /// Names that share their beginning up to the delimiter count as one.
    pub fn page(&self, view: &View) -> Page {
        let mut page = Page::default();
        let mut last = String::new();
        let mut cursor = self.start();
        let within = Object::key_of(&self.bucket, &self.prefix);
        'groups: loop {
            let from = Object::key_of(&self.bucket, &cursor);
            let rows = view.s3_objects.after(&within, Some(&from));
            for (_, row) in rows {
                if page.objects.len() + page.prefixes.len() == self.limit {
                    page.next = (self.limit > 0).then_some(last);
                    return page;
                }
                if let Some(common) = self.common_prefix(&row.name) {
                    common.clone_into(&mut last);
                    page.prefixes.push(common.to_owned());
                    cursor = past(common);
                    continue 'groups;
                }
                row.name.clone_into(&mut last);
                page.objects.push(row.clone());
            }
            return page;
        }
    }

    fn start(&self) -> String {
        match self.common_prefix(&self.after) {
            Some(common) if common == self.after => past(common),
            _ => self.after.clone(),
        }
    }

    fn common_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(&self.prefix).filter(|_| !self.delimiter.is_empty())?;
        let end = self.prefix.len() + rest.find(&self.delimiter)? + self.delimiter.len();
        Some(&name[..end])
    }
}

/// Behind every name that begins so.
fn past(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

pub fn limit(max_keys: Option<i32>) -> Result<usize, ServiceError> {
    let given = max_keys.unwrap_or(i32::MAX);
    usize::try_from(given).map(|limit| limit.min(PAGE_KEYS_MAX)).map_err(|_| {
        let message = "Argument maxKeys must be an integer between 0 and 2147483647";
        invalid_argument("maxKeys", &given.to_string(), message)
    })
}

/// How names are written in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Plain,
    Url,
}

impl Spelling {
    pub fn of(encoding: Option<&s3::EncodingType>) -> Result<Self, ServiceError> {
        match encoding.map(|encoding| encoding.as_str()) {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(other) => {
                Err(invalid_argument("encoding-type", other, "Invalid Encoding Method specified in Request"))
            }
        }
    }

    pub fn write(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => utf8_percent_encode(text, ENCODED).to_string(),
        }
    }
}

pub fn object_shape(object: &Object, spelling: Spelling, owner: Option<s3::Owner>) -> s3::Object {
    s3::Object {
        key: Some(spelling.write(&object.name)),
        last_modified: Some(Instant::from_millis(object.modified_at.as_millis())),
        e_tag: Some(format!("\"{}\"", object.etag)),
        size: i64::try_from(object.length).ok(),
        storage_class: Some(s3::ObjectStorageClass::from("STANDARD")),
        checksum_algorithm: Some(vec![s3::ChecksumAlgorithm::from(object.checksum.0.to_uppercase())]),
        checksum_type: Some(s3::ChecksumType::from("FULL_OBJECT")),
        owner,
        ..Default::default()
    }
}

pub fn prefix_shapes(prefixes: &[String], spelling: Spelling) -> Option<Vec<s3::CommonPrefix>> {
    let shapes = prefixes.iter().map(|prefix| s3::CommonPrefix { prefix: Some(spelling.write(prefix)) });
    (!prefixes.is_empty()).then(|| shapes.collect())
}

/// The canonical user of an account: 64 digits that say nothing.
pub fn owner(account: &str) -> s3::Owner {
    s3::Owner { id: Some(Digest::of(account.as_bytes()).hex()), display_name: None }
}
