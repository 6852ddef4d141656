use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use stdx_net::body::{Body, ReadError, read_bounded};
use stdx_net::server::{self, Config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::{WAIT_MAX, bytes, client, describe, get, start, text};

#[tokio::test]
async fn answers_with_bodies_of_any_size() {
    let (_listening, address) = start(&Config::default(), server::handler(describe));
    for length in [0_usize, 1, 100_000, 3 << 20] {
        let request = Request::post(format!("http://{address}/x")).body(Body::from(vec![7; length]));
        let response = client().send(request.expect("a valid request")).await.expect("an answer");
        assert_eq!(text(response).await, format!("POST /x HTTP/1.1 tls=false name=- {length}"));
    }
}

#[tokio::test]
async fn speaks_http2_with_prior_knowledge() {
    let (_listening, address) = start(&Config::default(), server::handler(describe));
    let stream = TcpStream::connect(address).await.expect("a connection");
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Body>(executor, io).await.expect("a handshake");
    let driver = stdx_async::supervisor::spawn("http2", connection);
    let response = sender.send_request(get(&format!("http://{address}/two"))).await.expect("an answer");
    assert_eq!(text(response.map(Body::from)).await, "GET /two HTTP/2.0 tls=false name=- 0");
    driver.abort();
}

#[tokio::test]
async fn sends_ranges_of_files() {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    file.write_all(&content).expect("room for the file");
    let file = Arc::new(file);
    let handler = {
        let file = file.clone();
        server::handler(move |_, _| {
            let file = file.try_clone();
            async move { Response::new(Body::file_range(file.expect("a descriptor"), 1001, 5_000_000)) }
        })
    };
    let (_listening, address) = start(&Config::default(), handler);
    let response = client().send(get(&format!("http://{address}/"))).await.expect("an answer");
    assert_eq!(response.headers()["content-length"], "5000000");
    assert!(bytes(response).await == content[1001..5_001_001], "the bytes differ");
}

#[tokio::test]
async fn a_file_that_shrank_breaks_the_connection() {
    let file = tempfile::tempfile().expect("a temporary file");
    let file = Arc::new(file);
    let handler = server::handler(move |_, _| {
        let file = file.try_clone();
        async move { Response::new(Body::file_range(file.expect("a descriptor"), 0, 10)) }
    });
    let (_listening, address) = start(&Config::default(), handler);
    let outcome = match client().send(get(&format!("http://{address}/"))).await {
        Ok(response) => read_bounded(response.into_body(), 100, WAIT_MAX).await.is_err(),
        Err(_) => true,
    };
    assert!(outcome, "ten bytes were promised and none exist");
}

#[tokio::test]
async fn refuses_headers_and_bodies_that_are_too_large() {
    let handler = server::handler(|request: Request<Body>, _| async {
        let status = match read_bounded(request.into_body(), 10, WAIT_MAX).await {
            Ok(_) => StatusCode::OK,
            Err(ReadError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Err(ReadError::Broken(_)) => StatusCode::BAD_REQUEST,
        };
        Response::builder().status(status).body(Body::empty()).expect("a valid response")
    });
    let (_listening, address) = start(&Config::default(), handler);
    let header = get(&format!("http://{address}/{}", "x".repeat(60_000)));
    let (mut parts, ()) = header.map(|_| ()).into_parts();
    parts.headers.insert("x-long", "y".repeat(8_000).parse().expect("a valid header"));
    let response = client().send(Request::from_parts(parts, Body::empty())).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    let body = Request::post(format!("http://{address}/")).body(Body::from("more than ten bytes"));
    let response = client().send(body.expect("a valid request")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn hangs_up_on_a_client_that_never_finishes_its_header() {
    let mut config = Config::default();
    config.header_read_timeout = Duration::from_millis(100);
    let (_listening, address) = start(&config, server::handler(describe));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nslow").await.expect("the bytes are sent");
    let mut rest = Vec::new();
    let read = tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the server kept an unfinished request");
}

#[tokio::test]
async fn drains_what_is_under_way() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, release) = (entered.clone(), release.clone());
        server::handler(move |_, _| {
            let (entered, release) = (entered.clone(), release.clone());
            async move {
                entered.notify_one();
                release.notified().await;
                Response::new(Body::from("done"))
            }
        })
    };
    let (listening, address) = start(&Config::default(), handler);
    let request = get(&format!("http://{address}/"));
    let answer = stdx_async::supervisor::spawn("request", async move { client().send(request).await });
    entered.notified().await;
    let drained = stdx_async::supervisor::spawn("drain", listening.drain(WAIT_MAX));
    // The listener is closed while the request still runs.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    release.notify_one();
    let response = answer.await.ok().flatten().expect("the request ran").expect("an answer");
    assert_eq!(text(response).await, "done");
    assert_eq!(drained.await.ok().flatten(), Some(true));
}

#[tokio::test]
async fn cuts_what_outlives_the_deadline() {
    let entered = Arc::new(Notify::new());
    let seen = entered.clone();
    let handler = server::handler(move |_, _| {
        entered.notify_one();
        std::future::pending()
    });
    let (listening, address) = start(&Config::default(), handler);
    let request = get(&format!("http://{address}/"));
    let answer = stdx_async::supervisor::spawn("request", async move { client().send(request).await });
    seen.notified().await;
    assert!(!listening.drain(Duration::from_millis(20)).await);
    assert!(answer.await.ok().flatten().expect("the request ran").is_err());
}

#[tokio::test]
async fn waits_when_the_connections_are_used_up() {
    let (_listening, address) = start(&Config::new(1), server::handler(describe));
    let first = TcpStream::connect(address).await.expect("a connection");
    let second = stdx_async::supervisor::spawn("second", async move {
        text(client().send(get(&format!("http://{address}/"))).await.expect("an answer")).await
    });
    drop(first);
    assert!(second.await.ok().flatten().expect("it is served in the end").starts_with("GET /"));
}
