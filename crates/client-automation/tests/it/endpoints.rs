use std::sync::Arc;
use std::time::Duration;

use client_automation::Failure;
use client_automation::connection::{
    Authorisation, Connection, ConnectionError, Connections, OAuth, Parameters,
};
use client_automation::http_call::{HttpCall, HttpSender};
use stdx::clock::SystemClock;

use crate::{Seen, lines, serve};

/// One connection, whatever is asked for.
#[derive(Debug)]
struct One(Option<Connection>);

impl Connections for One {
    fn find(&self, _arn: &str) -> Result<Connection, ConnectionError> {
        self.0.clone().ok_or(ConnectionError::Missing)
    }
}

fn connection(authorisation: Authorisation) -> Option<Connection> {
    let parameters = Parameters {
        headers: vec![("x-extra".into(), "1".into())],
        query: vec![("q".into(), "2".into())],
        body: vec![("b".into(), "3".into())],
    };
    Some(Connection { authorisation, parameters })
}

async fn send(url: &str, connection: Option<Connection>) -> Result<(), Failure> {
    sender(connection).send(call(url)).await
}

fn sender(connection: Option<Connection>) -> HttpSender {
    HttpSender::new(Vec::new(), Arc::new(One(connection)), SystemClock::shared()).expect("a sender")
}

fn call(url: &str) -> HttpCall<'_> {
    HttpCall {
        method: "POST",
        url,
        headers: &[],
        body: "{}",
        connection: Some("arn:aws:events:us-east-1:000000000000:connection/c/1"),
        timeout: Duration::from_secs(2),
    }
}

fn endpoint(seen: &Seen) -> (u16, String) {
    match seen.line.split(' ').nth(1).unwrap_or_default() {
        path if path.starts_with("/token") => (200, r#"{"access_token": "t0", "expires_in": 3600}"#.into()),
        path if path.starts_with("/moved") => (302, String::new()),
        path if path.starts_with("/closed") => (401, String::new()),
        _ => (200, "x".repeat(1 << 20)),
    }
}

#[tokio::test]
async fn connections_let_requests_in() {
    let (_listening, address, log) = serve(endpoint);
    let url = format!("http://{address}/in");
    let key = Authorisation::ApiKey { name: "x-api-key".into(), value: "k".into() };
    assert_eq!(send(&url, connection(key)).await, Ok(()));
    let basic = Authorisation::Basic { username: "u".into(), password: "p".into() };
    assert_eq!(send(&url, connection(basic)).await, Ok(()));
    let seen = lines(&log);
    assert_eq!((seen[0].line.as_str(), seen[0].body.as_str()), ("POST /in?q=2", r#"{"b":"3"}"#));
    assert_eq!(
        (&seen[0].headers["x-api-key"], &seen[0].headers["x-extra"]),
        (&"k".parse().expect("a value"), &"1".parse().expect("a value"))
    );
    assert_eq!(seen[1].headers["authorization"], "Basic dTpw");
    assert_eq!(send(&url, None).await, Err(Failure::lasting("the connection doesn't exist")));
}

#[tokio::test]
async fn tokens_are_kept_until_they_are_refused() {
    let (_listening, address, log) = serve(endpoint);
    let settings = OAuth {
        endpoint: format!("http://{address}/token"),
        method: "POST".into(),
        client_id: "id".into(),
        client_secret: "secret".into(),
        parameters: Parameters::default(),
    };
    let sender = sender(connection(Authorisation::OAuth(Box::new(settings))));
    let urls = ["/in", "/in", "/closed", "/in"].map(|path| format!("http://{address}{path}"));
    for url in &urls {
        let outcome = sender.send(call(url)).await;
        assert_eq!(outcome.is_err(), url.ends_with("/closed"), "{outcome:?}");
    }
    let seen = lines(&log);
    let paths: Vec<&str> = seen.iter().map(|one| one.line.trim_start_matches("POST ")).collect();
    assert_eq!(paths, ["/token", "/in?q=2", "/in?q=2", "/closed?q=2", "/token", "/in?q=2"]);
    assert_eq!(seen[0].body, "grant%5Ftype=client%5Fcredentials");
    assert_eq!(seen[1].headers["authorization"], "Bearer t0");
}

#[tokio::test]
async fn redirects_and_addresses_of_the_machine_are_not_followed() {
    let (_listening, address, _log) = serve(endpoint);
    let key = || connection(Authorisation::ApiKey { name: "k".into(), value: "v".into() });
    let moved = send(&format!("http://{address}/moved"), key()).await;
    assert!(moved.is_err_and(|failure| !failure.may_pass));
    let metadata = send("http://169.254.169.254/latest", key()).await;
    assert!(metadata.is_err_and(|failure| failure.text.contains("may not be called")));
}
