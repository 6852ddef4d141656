//! Calls of endpoints in the world: subscribers of SNS, and EventBridge's API destinations.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use serde_json::Value;
use stdx::clock::SharedClock;
use stdx_net::body::{Body, read_bounded};
use stdx_net::client::{Client, ClientError, Options};

use crate::connection::{Authorisation, Connection, Connections, Parameters};
use crate::failure::Failure;
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIME_MAX};
use crate::oauth::{Tokens, form, with_query};

const USER_AGENT: &str = "Neargate";

#[derive(Clone, Debug)]
pub struct HttpCall<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub headers: &'a [(String, String)],
    pub body: &'a str,
    /// The ARN of the connection that authorises it.
    pub connection: Option<&'a str>,
    pub timeout: Duration,
}

/// Sends requests to endpoints, from the host's own network.
#[derive(Debug)]
pub struct HttpSender {
    client: Client,
    tokens: Tokens,
    connections: Arc<dyn Connections>,
}

/// Addresses that a request may go to: not those that mean this machine's own services or a task's public address from
/// inside, which the world couldn't reach either.
pub fn is_allowed(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address => address,
    };
    match address {
        IpAddr::V4(address) => {
            // 240.0.0.0/4: how public addresses appear between host and VPCs.
            let is_alias = address.octets()[0] >= 240;
            !(address.is_link_local()
                || address.is_multicast()
                || is_alias
                || address == Ipv4Addr::UNSPECIFIED)
        }
        IpAddr::V6(address) => {
            !(address.is_unicast_link_local() || address.is_multicast() || address.is_unspecified())
        }
    }
}

impl HttpSender {
    /// # Errors
    /// When an authority's certificate can't be used.
    pub fn new(
        authorities: Vec<String>,
        connections: Arc<dyn Connections>,
        clock: SharedClock,
    ) -> Result<Self, ClientError> {
        let client = Client::new(Options {
            connect_timeout: CONNECT_TIME_MAX,
            redirects_max: 0,
            extra_authorities: authorities,
            plain_everywhere: true,
            addresses: Some(Arc::new(is_allowed)),
            user_agent: USER_AGENT.to_owned(),
            ..Options::default()
        })?;
        Ok(Self { tokens: Tokens::new(client.clone(), clock), client, connections })
    }

    pub async fn send(&self, call: HttpCall<'_>) -> Result<(), Failure> {
        let timeout = |_| Failure::passing(format!("no answer within {:?}", call.timeout));
        tokio::time::timeout(call.timeout, self.exchange(&call)).await.map_err(timeout)?
    }

    async fn exchange(&self, call: &HttpCall<'_>) -> Result<(), Failure> {
        let connection = match call.connection {
            Some(arn) => {
                Some(self.connections.find(arn).map_err(|error| Failure::lasting(error.to_string()))?)
            }
            None => None,
        };
        let request = self.request(call, connection.as_ref()).await?;
        let response = match self.client.send(request).await {
            Ok(response) => response,
            // A GET that would be redirected.
            Err(ClientError::Redirects(_)) => {
                return Err(Failure::lasting("the endpoint answers with a redirect"));
            }
            Err(error) if error.is_transient() => return Err(Failure::passing_error(&error)),
            Err(error) => return Err(Failure::lasting(error.to_string())),
        };
        let status = response.status();
        // Whatever it says; a longer answer costs its connection.
        let _unread = read_bounded(response.into_body(), ANSWER_BYTES_MAX, call.timeout).await;
        if let (Some(arn), StatusCode::UNAUTHORIZED) = (call.connection, status) {
            self.tokens.forget(arn);
        }
        sorted(status, call.connection.is_some())
    }

    async fn request(
        &self,
        call: &HttpCall<'_>,
        connection: Option<&Connection>,
    ) -> Result<Request<Body>, Failure> {
        let authorisation = match connection.map(|connection| &connection.authorisation) {
            None => None,
            Some(Authorisation::ApiKey { name, value }) => Some((name.clone(), value.clone())),
            Some(Authorisation::Basic { username, password }) => {
                Some(("authorization".to_owned(), basic(&format!("{username}:{password}"))))
            }
            Some(Authorisation::OAuth(settings)) => {
                let token = self.tokens.authorization(call.connection.unwrap_or_default(), settings).await?;
                Some(("authorization".to_owned(), token))
            }
        };
        let parameters = connection.map(|connection| connection.parameters.clone()).unwrap_or_default();
        build(call, &parameters, authorisation)
    }
}

fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(user))
}

fn build(
    call: &HttpCall<'_>,
    parameters: &Parameters,
    authorisation: Option<(String, String)>,
) -> Result<Request<Body>, Failure> {
    let unusable = |error: http::Error| Failure::lasting(format!("the request can't be made: {error}"));
    let is_form = call.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && value.starts_with("application/x-www-form-urlencoded")
    });
    let body = with_fields(call.body, &parameters.body, is_form);
    let url = with_query(call.url, &parameters.query);
    let (url, user) = without_user(&url);
    let of_url = user.map(|user| ("authorization".to_owned(), basic(&user)));
    let mut request =
        Request::builder().method(call.method).uri(url).body(Body::from(body)).map_err(unusable)?;
    let headers = of_url.iter().chain(call.headers).chain(&parameters.headers).chain(&authorisation);
    for (name, value) in headers {
        let header = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) =
            header.ok_or_else(|| Failure::lasting(format!("the header {name:?} can't be sent")))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// `https://user:password@host/`: an endpoint that asks for a password, as SNS lets its subscribers give it.
fn without_user(url: &str) -> (String, Option<String>) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, host) = rest[..end].rsplit_once('@')?;
        let user = percent_encoding::percent_decode_str(user).decode_utf8_lossy().into_owned();
        Some((format!("{scheme}://{host}{}", &rest[end..]), user))
    });
    match parts {
        Some((url, user)) => (url, Some(user)),
        None => (url.to_owned(), None),
    }
}

fn with_fields(body: &str, fields: &[(String, String)], is_form: bool) -> String {
    if fields.is_empty() {
        return body.to_owned();
    }
    if is_form {
        let separator = if body.is_empty() { "" } else { "&" };
        return format!("{body}{separator}{}", form(fields));
    }
    let document =
        if body.is_empty() { Ok(Value::Object(Default::default())) } else { serde_json::from_str(body) };
    match document {
        Ok(Value::Object(mut members)) => {
            members.extend(fields.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))));
            Value::Object(members).to_string()
        }
        // Nothing can be added to it.
        _ => body.to_owned(),
    }
}

/// What the receiver's answer means. API destinations are tried again after more answers than subscribers of SNS.
fn sorted(status: StatusCode, is_destination: bool) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let text = format!("the endpoint answered with {status}");
    let passes =
        status.is_server_error() || status.is_informational() || status == StatusCode::TOO_MANY_REQUESTS;
    if passes || (is_destination && matches!(status.as_u16(), 401 | 407 | 409)) {
        Err(Failure::passing(text))
    } else {
        Err(Failure::lasting(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_away_from_addresses_of_the_machine_itself() {
        for (address, allowed) in [
            ("127.0.0.1", true),
            ("10.0.0.1", true),
            ("93.184.216.34", true),
            ("::1", true),
            ("169.254.169.254", false),
            ("169.254.170.2", false),
            ("::ffff:169.254.169.254", false),
            ("fe80::1", false),
            ("240.80.0.7", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(is_allowed(address.parse().expect("an address")), allowed, "{address}");
        }
    }

    #[test]
    fn answers_decide_whether_there_is_another_attempt() {
        for (status, is_destination, expect) in [
            (200, false, None),
            (204, true, None),
            (302, false, Some(false)),
            (400, true, Some(false)),
            (401, false, Some(false)),
            (401, true, Some(true)),
            (409, true, Some(true)),
            (429, false, Some(true)),
            (503, false, Some(true)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(
                sorted(status, is_destination).err().map(|failure| failure.may_pass),
                expect,
                "{status}"
            );
        }
    }

    #[test]
    fn parameters_are_added_where_they_belong() {
        let fields = [("a".to_owned(), "b c".to_owned())];
        assert_eq!(with_fields(r#"{"x":1}"#, &fields, false), r#"{"x":1,"a":"b c"}"#);
        assert_eq!(with_fields("x=1", &fields, true), "x=1&a=b%20c");
        assert_eq!(with_query("http://h/?x=1", &fields), "http://h/?x=1&a=b%20c");
        let split = |url| without_user(url);
        assert_eq!(split("http://u:p%40@h/x"), ("http://h/x".into(), Some("u:p@".into())));
        assert_eq!(split("http://h/x@y"), ("http://h/x@y".into(), None));
    }
}
