//! Answers: those of targets on their way to a client, and the balancer's own.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::body::ResponseBody;
use super::in_flight::InFlight;
use super::sticky::http_date;
use super::stream::Stream;

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// After the headers.
    pub added: Vec<(HeaderName, HeaderValue)>,
    pub body: ResponseBody,
    /// The connection ends after it.
    pub close: bool,
    pub upgrade: Option<Box<Upgrade>>,
}

/// The target's side of a connection that changes its protocol.
#[derive(Debug)]
pub struct Upgrade {
    pub stream: Stream,
    /// What was read of it already.
    pub input: BytesMut,
    pub in_flight: InFlight,
}

/// Codes that are the balancer's own.
pub const CLIENT_CLOSED: u16 = 460;
pub const TOO_MANY_FORWARDED: u16 = 463;
pub const INCOMPATIBLE_PROTOCOL: u16 = 464;

impl Answer {
    pub fn own(status: StatusCode, content_type: HeaderValue, body: Bytes, epoch_secs: u64) -> Answer {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::SERVER, HeaderValue::from_static("awselb/2.0"));
        if let Ok(date) = HeaderValue::try_from(http_date(epoch_secs)) {
            headers.insert(header::DATE, date);
        }
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let body = ResponseBody::Full(body);
        Answer { status, headers, added: Vec::new(), body, close: false, upgrade: None }
    }

    /// An error with its page.
    pub fn error(code: u16, epoch_secs: u64) -> Answer {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = title(status);
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             </body>\r\n</html>\r\n"
        );
        Answer::own(status, HeaderValue::from_static("text/html"), Bytes::from(page), epoch_secs)
    }

    /// The connection ends after it.
    pub fn closing(mut self) -> Answer {
        self.close = true;
        self
    }

    pub fn redirect(status: StatusCode, location: HeaderValue, epoch_secs: u64) -> Answer {
        let mut answer = Answer::error(status.as_u16(), epoch_secs);
        answer.headers.insert(header::LOCATION, location);
        answer
    }
}

fn title(status: StatusCode) -> String {
    let reason = match status.as_u16() {
        405 => "Not Allowed",
        408 => "Request Time-out",
        414 => "Request-URI Too Large",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        302 => "Found",
        _ => status.canonical_reason().unwrap_or(""),
    };
    format!("{} {reason}", status.as_str()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_page() {
        let answer = Answer::error(503, 0);
        let ResponseBody::Full(page) = &answer.body else { panic!("no page") };
        let text = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n\
             <center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";
        assert_eq!(String::from_utf8_lossy(page), text);
        assert_eq!(answer.headers[header::SERVER], "awselb/2.0");
        assert_eq!(title(StatusCode::from_u16(464).unwrap()), "464");
    }
}
