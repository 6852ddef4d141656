//! Attempts against servers in the same process.

mod calls;
mod endpoints;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use stdx_net::body::{Body, read_bounded};
use stdx_net::server::{self, Listening};

/// What a server was sent: method and path, headers, body.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    headers: http::HeaderMap,
    body: String,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// Answers each request by what `answer` makes of it.
fn serve(answer: fn(&Seen) -> (u16, String)) -> (Listening, SocketAddr, Log) {
    let log = Log::default();
    let seen = Arc::clone(&log);
    let handler = server::handler(move |request: Request<Body>, _| {
        let seen = Arc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            let body = read_bounded(body, 1 << 20, Duration::from_secs(5)).await.expect("the body arrives");
            let one = Seen {
                line: format!("{} {}", parts.method, parts.uri.path_and_query().expect("a path")),
                headers: parts.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            let (status, text) = answer(&one);
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(one);
            Response::builder().status(status).body(Body::from(text)).expect("a response")
        }
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("an address");
    let listening = server::serve(listener, &server::Config::default(), handler).expect("the listener works");
    (listening, address, log)
}

fn lines(log: &Log) -> Vec<Seen> {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
