//! `application/vnd.amazon.eventstream`: answers that go on for as long as the operation does.
//!
//! A frame is: total length, headers' length, the CRC of both, headers, payload, the CRC of all before
//! (<https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream>).

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use wire_schema::{
    Document, Instant, MemberSchema, Members, OperationSchema, Protocol, ServiceError, ServiceSchema,
    ShapeWriter,
};

use crate::body::Body;
use crate::cbor::CborWriter;
use crate::json::JsonWriter;
use crate::message;
use crate::xml::{ListStyle, XmlWriter};

const STRING_HEADER: u8 = 7;
/// Two lengths and two checksums.
const FRAME_OVERHEAD: usize = 16;

/// Begins the answer of a streaming operation.
pub(crate) fn respond(
    protocol: Protocol,
    service: &'static ServiceSchema,
    operation: &'static OperationSchema,
    request_id: &str,
    output: &dyn Members,
    events: BoxStream<'static, Result<Box<dyn Members>, ServiceError>>,
) -> Response<Body> {
    let mut response = message::respond(StatusCode::OK, protocol, service, request_id, Vec::new());
    let content_type = HeaderValue::from_static("application/vnd.amazon.eventstream");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    let initial = initial_response(protocol, output);
    let frames = events.map(move |event| match event {
        Ok(event) => event_frame(protocol, &*event),
        Err(error) => exception_frame(protocol, operation, &error),
    });
    *response.body_mut() = Body::Stream(stream::iter(initial).chain(frames).boxed());
    response
}

/// RPC protocols send the output as a first event, in which the stream's own member is empty, since the
/// handler returns the stream beside the output. REST protocols send it as headers.
fn initial_response(protocol: Protocol, output: &dyn Members) -> Option<Bytes> {
    if matches!(protocol, Protocol::RestJson1 | Protocol::RestXml) {
        return None;
    }
    let payload = payload(protocol, output);
    Some(frame(
        &[
            (":event-type", "initial-response"),
            (":content-type", payload_type(protocol)),
            (":message-type", "event"),
        ],
        &payload,
    ))
}

/// The frame of an event: the one member that is set in the model's union.
pub fn event_frame(protocol: Protocol, union: &dyn Members) -> Bytes {
    let mut capture = Capture { protocol, frame: None };
    union.write_members(&mut capture);
    capture.frame.unwrap_or_else(|| {
        let error = ServiceError::internal("an event without content");
        exception_frame_of("InternalFailure", protocol, &error.message)
    })
}

/// The frame that ends a stream with an error.
pub fn exception_frame(protocol: Protocol, operation: &OperationSchema, error: &ServiceError) -> Bytes {
    // In the stream an exception goes by the name of the union's member.
    let stream = operation.event_stream();
    let name = stream.and_then(|member| match member.target {
        wire_schema::Target::Structure(schema) => {
            schema().members.iter().map(|member| member.name).find(|name| *name == error.code)
        }
        _ => None,
    });
    exception_frame_of(name.unwrap_or(&error.code), protocol, &error.message)
}

fn exception_frame_of(name: &str, protocol: Protocol, message: &str) -> Bytes {
    let message = Document::from(message);
    let payload = match protocol {
        Protocol::RpcV2Cbor => {
            let mut cbor = CborWriter::open();
            cbor.extra("message", &message);
            cbor.close()
        }
        Protocol::RestXml => {
            let mut xml = XmlWriter::new(ListStyle::Xml);
            xml.start(name, None);
            xml.document_element("Message", &message);
            xml.end(name);
            xml.finish().into_bytes()
        }
        _ => {
            let mut json = JsonWriter::open();
            json.extra("message", &message);
            json.close()
        }
    };
    let headers = [
        (":exception-type", name),
        (":content-type", payload_type(protocol)),
        (":message-type", "exception"),
    ];
    frame(&headers, &payload)
}

/// One frame with text headers.
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers_length: usize = headers.iter().map(|(name, value)| 4 + name.len() + value.len()).sum();
    let total = FRAME_OVERHEAD + headers_length + payload.len();
    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(&(total as u32).to_be_bytes());
    bytes.extend_from_slice(&(headers_length as u32).to_be_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    for (name, value) in headers {
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(STRING_HEADER);
        bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    Bytes::from(bytes)
}

fn payload_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::RpcV2Cbor => "application/cbor",
        Protocol::RestXml => "application/xml",
        Protocol::RestJson1 => "application/json",
        other => message::json_type(other),
    }
}

fn payload(protocol: Protocol, value: &dyn Members) -> Vec<u8> {
    match protocol {
        Protocol::RpcV2Cbor => CborWriter::write_body(value),
        Protocol::RestXml => {
            let name = value.structure_schema().name;
            let mut xml = XmlWriter::new(ListStyle::Xml);
            xml.start(name, None);
            xml.content(value);
            xml.end(name);
            xml.finish().into_bytes()
        }
        _ => JsonWriter::write_body(value),
    }
}

/// Makes a frame of the first structure that it is given. Every event of a stream is a structure.
struct Capture {
    protocol: Protocol,
    frame: Option<Bytes>,
}

impl ShapeWriter for Capture {
    fn structure(&mut self, member: &'static MemberSchema, value: &dyn Members) {
        if self.frame.is_some() {
            return;
        }
        let payload = payload(self.protocol, value);
        let is_error = value.structure_schema().error.is_some();
        let (kind, message_type) =
            if is_error { (":exception-type", "exception") } else { (":event-type", "event") };
        let headers = [
            (kind, member.wire_name),
            (":content-type", payload_type(self.protocol)),
            (":message-type", message_type),
        ];
        self.frame = Some(frame(&headers, &payload));
    }

    fn list_begin(&mut self, _member: &'static MemberSchema, _length: usize) {}
    fn list_end(&mut self, _member: &'static MemberSchema) {}
    fn map_begin(&mut self, _member: &'static MemberSchema, _length: usize) {}
    fn map_key(&mut self, _member: &'static MemberSchema, _key: &str) {}
    fn map_end(&mut self, _member: &'static MemberSchema) {}
    fn boolean(&mut self, _member: &'static MemberSchema, _value: bool) {}
    fn integer(&mut self, _member: &'static MemberSchema, _value: i32) {}
    fn long(&mut self, _member: &'static MemberSchema, _value: i64) {}
    fn float(&mut self, _member: &'static MemberSchema, _value: f32) {}
    fn double(&mut self, _member: &'static MemberSchema, _value: f64) {}
    fn string(&mut self, _member: &'static MemberSchema, _value: &str) {}
    fn blob(&mut self, _member: &'static MemberSchema, _value: &Bytes) {}
    fn timestamp(&mut self, _member: &'static MemberSchema, _value: Instant) {}
    fn document(&mut self, _member: &'static MemberSchema, _value: &Document) {}
}
