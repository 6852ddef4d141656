//! An entry of an access log: "Access logs for your Application Load Balancer" of the user guide, 33 fields.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use super::sticky::civil;

/// What is told of one request.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// `http`, `https`, `h2`, `grpcs`, `ws` or `wss`.
    pub kind: &'a str,
    /// When the answer was complete, in microseconds since the epoch.
    pub time_us: i64,
    /// `app/NAME/<16 hex>`
    pub load_balancer: &'a str,
    pub client: SocketAddr,
    pub target: Option<SocketAddr>,
    /// None: it was never dispatched.
    pub request_processing: Option<Duration>,
    pub target_processing: Option<Duration>,
    pub response_processing: Option<Duration>,
    pub status: Option<u16>,
    pub target_status: Option<u16>,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// `GET http://host:80/path HTTP/1.1`, in its parts.
    pub method: &'a str,
    pub scheme: &'a str,
    pub host: &'a [u8],
    pub port: u16,
    pub uri: &'a [u8],
    pub version: &'a str,
    pub user_agent: &'a [u8],
    pub ssl_cipher: Option<&'a str>,
    pub ssl_protocol: Option<&'a str>,
    pub target_group_arn: Option<&'a str>,
    pub trace_id: &'a [u8],
    /// The name that the client asked for with TLS.
    pub domain_name: Option<&'a str>,
    pub chosen_cert_arn: Option<&'a str>,
    /// 0 is the default rule; none when no rule was reached.
    pub matched_rule_priority: Option<u32>,
    pub creation_us: i64,
    pub actions: &'a str,
    pub redirect_url: Option<&'a [u8]>,
    pub error_reason: Option<&'a str>,
    pub classification: Option<&'a str>,
    pub classification_reason: Option<&'a str>,
    pub connection_trace: [u64; 2],
    pub transformed_host: Option<&'a [u8]>,
    pub transformed_uri: Option<&'a [u8]>,
    pub transform_status: Option<&'a str>,
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = "-";
        write!(out, "{} {} {} {} ", self.kind, Time(self.time_us), self.load_balancer, self.client)?;
        write!(out, "{} ", Maybe(self.target.as_ref()))?;
        write!(out, "{} ", Seconds(self.request_processing))?;
        write!(out, "{} ", Seconds(self.target_processing))?;
        write!(out, "{} ", Seconds(self.response_processing))?;
        write!(out, "{} {} ", Maybe(self.status.as_ref()), Maybe(self.target_status.as_ref()))?;
        write!(out, "{} {} ", self.received_bytes, self.sent_bytes)?;
        self.fmt_request(out)?;
        write!(out, "\"{}\" ", Quoted(or_dash(self.user_agent)))?;
        write!(out, "{} ", self.ssl_cipher.unwrap_or(dash))?;
        write!(out, "{} ", self.ssl_protocol.unwrap_or(dash))?;
        write!(out, "{} ", self.target_group_arn.unwrap_or(dash))?;
        write!(out, "\"{}\" ", Quoted(or_dash(self.trace_id)))?;
        write!(out, "\"{}\" ", Quoted(self.domain_name.unwrap_or(dash).as_bytes()))?;
        write!(out, "\"{}\" ", self.chosen_cert_arn.unwrap_or(dash))?;
        write!(out, "{} ", self.matched_rule_priority.map_or(-1, i64::from))?;
        write!(out, "{} \"{}\" ", Time(self.creation_us), self.actions)?;
        write!(out, "\"{}\" ", Quoted(self.redirect_url.unwrap_or(b"-")))?;
        write!(out, "\"{}\" ", self.error_reason.unwrap_or(dash))?;
        write!(out, "\"{}\" ", Maybe(self.target.as_ref()))?;
        write!(out, "\"{}\" ", Maybe(self.target_status.as_ref()))?;
        write!(out, "\"{}\" ", self.classification.unwrap_or(dash))?;
        write!(out, "\"{}\" ", self.classification_reason.unwrap_or(dash))?;
        write!(out, "TID_{:016x}{:016x} ", self.connection_trace[0], self.connection_trace[1])?;
        write!(out, "\"{}\" ", Quoted(self.transformed_host.unwrap_or(b"-")))?;
        write!(out, "\"{}\" ", Quoted(self.transformed_uri.unwrap_or(b"-")))?;
        write!(out, "\"{}\"", self.transform_status.unwrap_or(dash))
    }
}

impl Entry<'_> {
    /// A request that could not be read is `- http://host:80- -`, as the guide says.
    fn fmt_request(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{} {}://{}", self.method, self.scheme, Quoted(or_dash(self.host)))?;
        write!(out, ":{}{} {}\" ", self.port, Quoted(or_dash(self.uri)), self.version)
    }
}

fn or_dash(text: &[u8]) -> &[u8] {
    if text.is_empty() { b"-" } else { text }
}

struct Maybe<'a, T>(Option<&'a T>);

impl<T: fmt::Display> fmt::Display for Maybe<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(out),
            None => out.write_char('-'),
        }
    }
}

struct Seconds(Option<Duration>);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(duration) => write!(out, "{:.3}", duration.as_secs_f64()),
            None => out.write_str("-1"),
        }
    }
}

/// `2026-01-01T00:00:05.123456Z`
struct Time(i64);

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = u64::try_from(self.0).unwrap_or(0);
        let (seconds, us) = (us / 1_000_000, us % 1_000_000);
        let (year, month, day) = civil(seconds / 86_400);
        let of_day = seconds % 86_400;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(out, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}Z")
    }
}

/// What a client sends can't end the field that it is in.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            match byte {
                b'"' | b'\\' => write!(out, "\\{}", char::from(*byte))?,
                0x20..0x7f => out.write_char(char::from(*byte))?,
                _ => write!(out, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            kind: "https",
            time_us: 1_530_584_582_123_456,
            load_balancer: "app/my-loadbalancer/50dc6c495c0c9188",
            client: "192.168.131.39:2817".parse().unwrap(),
            target: Some("10.0.0.1:80".parse().unwrap()),
            request_processing: Some(Duration::from_micros(86)),
            target_processing: Some(Duration::from_millis(48)),
            response_processing: Some(Duration::from_millis(37)),
            status: Some(200),
            target_status: Some(200),
            received_bytes: 0,
            sent_bytes: 57,
            method: "GET",
            scheme: "https",
            host: b"www.example.com",
            port: 443,
            uri: b"/a\"b",
            version: "HTTP/1.1",
            user_agent: b"curl/7.46.0",
            ssl_cipher: Some("ECDHE-RSA-AES128-GCM-SHA256"),
            ssl_protocol: Some("TLSv1.2"),
            target_group_arn: Some("arn:tg"),
            trace_id: b"Root=1-58337281-1d84f3d73c47ec4e58577259",
            domain_name: Some("www.example.com"),
            chosen_cert_arn: Some("arn:cert"),
            matched_rule_priority: Some(1),
            creation_us: 1_530_584_582_000_001,
            actions: "forward",
            redirect_url: None,
            error_reason: None,
            classification: None,
            classification_reason: None,
            connection_trace: [1, 2],
            transformed_host: None,
            transformed_uri: None,
            transform_status: None,
        }
    }

    #[test]
    fn an_entry_has_the_fields_of_the_guide() {
        let expected = "https 2018-07-03T02:23:02.123456Z app/my-loadbalancer/50dc6c495c0c9188 \
             192.168.131.39:2817 10.0.0.1:80 0.000 0.048 0.037 200 200 0 57 \
             \"GET https://www.example.com:443/a\\\"b HTTP/1.1\" \"curl/7.46.0\" ECDHE-RSA-AES128-GCM-SHA256 \
             TLSv1.2 arn:tg \"Root=1-58337281-1d84f3d73c47ec4e58577259\" \"www.example.com\" \"arn:cert\" 1 \
             2018-07-03T02:23:02.000001Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\" \
             TID_00000000000000010000000000000002 \"-\" \"-\" \"-\"";
        assert_eq!(entry().to_string(), expected);
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        let missing = Entry {
            target: None,
            target_processing: None,
            status: Some(503),
            target_status: None,
            user_agent: b"",
            ssl_cipher: None,
            matched_rule_priority: None,
            actions: "-",
            ..entry()
        };
        let text = missing.to_string();
        assert!(text.contains("2817 - 0.000 -1 0.037 503 - 0 57"), "{text}");
        assert!(text.contains("\"-\" - TLSv1.2"), "{text}");
        assert!(text.contains("\"arn:cert\" -1 2018"), "{text}");
    }
}
