use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response, StatusCode};
use stdx_net::body::{Body, read_bounded};
use stdx_net::client::{Client, ClientError, Options, Override};
use stdx_net::server::{self, Config};

use crate::{WAIT_MAX, client, describe, get, start, text};

/// `/hop/N` redirects to `/hop/N-1`, `/hop/0` answers with the authorization that came along.
async fn hop(request: Request<Body>, _: server::ConnectionInfo) -> Response<Body> {
    let left: u32 = request.uri().path().trim_start_matches("/hop/").parse().expect("a number");
    if left == 0 {
        let sent =
            request.headers().get("authorization").map_or("none", |value| value.to_str().unwrap_or("?"));
        return Response::new(Body::from(sent.to_owned()));
    }
    let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
    response.header("location", format!("/hop/{}", left - 1)).body(Body::empty()).expect("a valid response")
}

#[tokio::test]
async fn follows_a_bounded_number_of_redirects() {
    let (_listening, address) = start(&Config::default(), server::handler(hop));
    let mut request = get(&format!("http://{address}/hop/3"));
    request.headers_mut().insert("authorization", "secret".parse().expect("a valid header"));
    assert_eq!(text(client().send(request).await.expect("an answer")).await, "secret");
    let failure = client().send(get(&format!("http://{address}/hop/9"))).await.expect_err("too many");
    assert!(matches!(failure, ClientError::Redirects(5)), "{failure}");
}

#[tokio::test]
async fn keeps_secrets_from_other_hosts() {
    let (_target, target) = start(&Config::default(), server::handler(hop));
    let away = server::handler(move |_, _| async move {
        let response = Response::builder().status(StatusCode::FOUND);
        response
            .header("location", format!("http://{target}/hop/0"))
            .body(Body::empty())
            .expect("a valid response")
    });
    let (_listening, address) = start(&Config::default(), away);
    let mut request = get(&format!("http://{address}/"));
    request.headers_mut().insert("authorization", "secret".parse().expect("a valid header"));
    assert_eq!(text(client().send(request).await.expect("an answer")).await, "none");
}

#[tokio::test]
async fn speaks_plain_only_where_allowed() {
    let failure = client().send(get("http://registry.test/")).await.expect_err("not a loopback address");
    assert!(matches!(failure, ClientError::PlainRefused { .. }), "{failure}");

    let (_listening, address) = start(&Config::default(), server::handler(describe));
    let overriding = Client::new(Options {
        overrides: Some(Arc::new(move |host, port| {
            (host == "registry.test" && port == 443).then_some(Override { address, tls: false })
        })),
        ..Options::default()
    });
    let overriding = overriding.expect("the options are valid");
    let response = overriding.send(get("https://registry.test/v2/")).await.expect("an answer");
    assert_eq!(text(response).await, "GET /v2/ HTTP/1.1 tls=false name=- 0");
}

#[tokio::test]
async fn gives_up_on_silence() {
    let handler = server::handler(|request: Request<Body>, _| async move {
        if request.uri().path() == "/header" {
            return std::future::pending().await;
        }
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"some"))]);
        Response::new(Body::stream(first.chain(futures_util::stream::pending())))
    });
    let (_listening, address) = start(&Config::default(), handler);
    let brief = Duration::from_millis(50);
    let impatient =
        Client::new(Options { header_timeout: brief, idle_read_timeout: brief, ..Options::default() })
            .expect("the options are valid");
    let failure = impatient.send(get(&format!("http://{address}/header"))).await.expect_err("no header");
    assert!(matches!(failure, ClientError::HeaderTimeout { .. }) && failure.is_transient(), "{failure}");
    let response = impatient.send(get(&format!("http://{address}/body"))).await.expect("a header");
    read_bounded(response.into_body(), 100, WAIT_MAX).await.expect_err("the body never ends");
}

#[tokio::test]
async fn a_refused_connection_is_told_as_such() {
    let closed = crate::listener().local_addr().expect("an address");
    let failure = client().send(get(&format!("http://{closed}/"))).await.expect_err("nobody listens");
    assert!(matches!(failure, ClientError::Connect { .. }), "{failure}");
}
