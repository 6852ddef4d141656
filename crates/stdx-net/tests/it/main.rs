//! Server, TLS and client against each other, over loopback.

mod calling;
mod certificates;
mod serving;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use stdx_net::body::{self, Body};
use stdx_net::client::{Client, Options};
use stdx_net::server::{self, ConnectionInfo, Handler, Listening};

const WAIT_MAX: Duration = Duration::from_secs(10);

fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port")
}

fn start(config: &server::Config, handler: Handler) -> (Listening, SocketAddr) {
    let listening = server::serve(listener(), config, handler).expect("the listener works");
    let address = listening.local_addr();
    (listening, address)
}

/// Answers `METHOD path protocol tls=… name=… <length of the body>`.
async fn describe(request: Request<Body>, connection: ConnectionInfo) -> Response<Body> {
    let line = format!(
        "{} {} {:?} tls={} name={}",
        request.method(),
        request.uri().path(),
        request.version(),
        connection.tls,
        connection.server_name.as_deref().unwrap_or("-"),
    );
    let body = body::read_bounded(request.into_body(), 64 << 20, WAIT_MAX).await.expect("the body arrives");
    Response::new(Body::from(format!("{line} {}", body.len())))
}

fn client() -> Client {
    Client::new(Options::default()).expect("the default options are valid")
}

fn get(address: &str) -> Request<Body> {
    Request::get(address).body(Body::empty()).expect("a valid request")
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8_lossy(&bytes(response).await).into_owned()
}

async fn bytes(response: Response<Body>) -> Bytes {
    body::read_bounded(response.into_body(), 1 << 30, WAIT_MAX).await.expect("the body arrives")
}
