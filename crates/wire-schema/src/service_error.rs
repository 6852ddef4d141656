//! The error of an operation: what the caller is told, and apart from it what the log is told.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use bytes::Bytes;

use crate::{Document, Instant, MemberSchema, Members, ShapeWriter};

/// An error answer. `message` is public; `source` never leaves the process.
#[derive(Debug)]
pub struct ServiceError {
    /// The code on the wire, for example `ClusterNotFoundException`.
    pub code: Cow<'static, str>,
    /// The HTTP status; when absent the one the model gives this code, else 400 or 500 after the fault.
    pub status: Option<u16>,
    pub fault: Fault,
    pub message: String,
    /// Further members of the modelled error, by the model's names.
    pub fields: Vec<(&'static str, Document)>,
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// Whose fault it is, which is also whether sending the same request again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Caller,
    Service,
}

impl ServiceError {
    /// The caller must change the request.
    pub fn caller(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Fault::Caller, code, message)
    }

    /// The service is at fault; trying again may help.
    pub fn service(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Fault::Service, code, message)
    }

    /// Something failed that no caller can do anything about. Each protocol gives it its own code and words
    /// (`InternalFailure`, `InternalError`); the cause goes to the log alone.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::service(Self::INTERNAL, "").with_source(source)
    }

    /// The code of [`ServiceError::internal`] before a protocol has given it its own.
    pub const INTERNAL: &'static str = "InternalFailure";

    /// An error as the model shapes it: the code and fault of its schema, `message`, and all other members as
    /// fields.
    pub fn from_shape(shape: &dyn Members) -> Self {
        let schema = shape.structure_schema();
        let (code, fault) = match schema.error {
            Some(error) if error.caller_fault => (error.code, Fault::Caller),
            Some(error) => (error.code, Fault::Service),
            None => (schema.name, Fault::Caller),
        };
        let mut error = Self::new(fault, code, "");
        error.status = schema.error.map(|error| error.status);
        let mut collector = Collector::default();
        shape.write_members(&mut collector);
        for (name, value) in collector.members {
            match value {
                Document::String(text) if name.eq_ignore_ascii_case("message") => error.message = text,
                value => error.fields.push((name, value)),
            }
        }
        error
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a further member of the modelled error.
    pub fn field(mut self, name: &'static str, value: impl Into<Document>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    fn new(fault: Fault, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            status: None,
            fault,
            message: message.into(),
            fields: Vec::new(),
            source: None,
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl Error for ServiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

/// Gathers the members of an error shape as documents.
#[derive(Default)]
struct Collector {
    members: Vec<(&'static str, Document)>,
    /// Containers that are still open, innermost last; a map keeps the key of the value to come.
    open: Vec<(Document, String)>,
}

impl Collector {
    fn put(&mut self, member: &'static MemberSchema, value: Document) {
        match self.open.last_mut() {
            None => self.members.push((member.wire_name, value)),
            Some((Document::List(values), _)) => values.push(value),
            Some((Document::Object(entries), key)) => {
                let key = if key.is_empty() { member.wire_name.to_owned() } else { std::mem::take(key) };
                entries.insert(key, value);
            }
            Some(_) => {}
        }
    }

    fn close(&mut self, member: &'static MemberSchema) {
        if let Some((value, _)) = self.open.pop() {
            self.put(member, value);
        }
    }
}

impl ShapeWriter for Collector {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members) {
        self.open.push((Document::Object(Default::default()), String::new()));
        value.write_members(self);
        self.close(member);
    }

    fn list_begin(&mut self, _member: &'static MemberSchema, _length: usize) {
        self.open.push((Document::List(Vec::new()), String::new()));
    }

    fn list_end(&mut self, member: &'static MemberSchema) {
        self.close(member);
    }

    fn map_begin(&mut self, _member: &'static MemberSchema, _length: usize) {
        self.open.push((Document::Object(Default::default()), String::new()));
    }

    fn map_key(&mut self, _member: &'static MemberSchema, name: &str) {
        if let Some((_, key)) = self.open.last_mut() {
            name.clone_into(key);
        }
    }

    fn map_end(&mut self, member: &'static MemberSchema) {
        self.close(member);
    }

    fn boolean(&mut self, member: &'static MemberSchema, value: bool) {
        self.put(member, value.into());
    }

    fn integer(&mut self, member: &'static MemberSchema, value: i32) {
        self.put(member, value.into());
    }

    fn long(&mut self, member: &'static MemberSchema, value: i64) {
        self.put(member, value.into());
    }

    fn float(&mut self, member: &'static MemberSchema, value: f32) {
        self.put(member, f64::from(value).into());
    }

    fn double(&mut self, member: &'static MemberSchema, value: f64) {
        self.put(member, value.into());
    }

    fn string(&mut self, member: &'static MemberSchema, value: &str) {
        self.put(member, value.into());
    }

    fn blob(&mut self, member: &'static MemberSchema, value: &Bytes) {
        self.put(member, String::from_utf8_lossy(value).into_owned().into());
    }

    fn timestamp(&mut self, member: &'static MemberSchema, value: Instant) {
        self.put(member, (value.millis as f64 / 1000.0).into());
    }

    fn document(&mut self, member: &'static MemberSchema, value: &Document) {
        self.put(member, value.clone());
    }
}
