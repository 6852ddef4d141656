//! Making responses.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use stdx_net::body::Body;

pub fn empty(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

pub fn json(status: u16, body: Vec<u8>) -> Response<Body> {
    let mut response = empty(status);
    *response.body_mut() = Body::from(body);
    set(&mut response, "content-type", "application/json");
    response
}

/// A value that can't stand in a header is left out: all of ours come from checked names and numbers.
pub fn set(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

pub fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
