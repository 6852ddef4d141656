//! HTTP/2 and gRPC, over TLS with the certificate that the client asks for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use edge_balancer::metrics::Counter;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use state_model::elbv2::target_group::ProtocolVersion;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{
    Balancer, attributes, body, certificate, ok, raw_target, read_message, run, status, target,
};

#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        spawn_local(async move {
            let _ = future.await;
        });
    }
}

struct Secure {
    balancer: Balancer,
    roots: Vec<CertificateDer<'static>>,
}

async fn secure(pairs: &[(&str, &str)]) -> Secure {
    let (first, first_der) = certificate(&["a.example.com"]);
    let (second, second_der) = certificate(&["*.wild.org"]);
    let balancer = Balancer::start(|config| {
        config.attributes = attributes(pairs);
        let listener = &mut config.listeners[0];
        listener.protocol = "HTTPS".to_owned();
        listener.port = 443;
        listener.ssl_policy = Some("ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned());
        listener.certificates = vec![first, second];
    })
    .await;
    Secure { balancer, roots: vec![first_der, second_der] }
}

impl Secure {
    /// A handshake that checks the certificate against the name.
    async fn connect(&self, name: &str, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        for root in &self.roots {
            roots.add(root.clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.balancer.connect().await).await
    }

    async fn http2(&self) -> SendRequest<Full<Bytes>> {
        let stream = self.connect("a.example.com", &["h2", "http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) =
            hyper::client::conn::http2::handshake(Local, TokioIo::new(stream)).await.unwrap();
        spawn_local(connection);
        sender
    }
}

fn request(method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .version(Version::HTTP_2)
        .uri(format!("https://a.example.com{path}"))
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap()
}

async fn read(response: Response<Incoming>) -> (StatusCode, String, Option<HeaderMap>) {
    let status = response.status();
    let collected = response.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned();
    (status, String::from_utf8(collected.to_bytes().to_vec()).unwrap(), trailers)
}

/// A target that speaks HTTP/2 without TLS, echoes, and ends with trailers.
async fn http2_target() -> SocketAddr {
    raw_target(|stream| async move {
        let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
            assert_eq!(request.headers().get("te").map(|te| te.as_bytes()), Some(&b"trailers"[..]));
            let sent = request.into_body().collect().await.unwrap().to_bytes();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            let frames = [Frame::data(sent), Frame::trailers(trailers)];
            let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
            let mut response = Response::new(StreamBody::new(frames));
            response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
            Ok::<_, Infallible>(response)
        });
        let _ = hyper::server::conn::http2::Builder::new(Local)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    })
    .await
}

#[test]
fn many_requests_share_a_connection_to_http1_targets() {
    run(async {
        let (address, asked) =
            target(
                |request| {
                    if request.contains("/big") { ok(&"x".repeat(1_000_000)) } else { ok(body(request)) }
                },
            )
            .await;
        let secure = secure(&[]).await;
        secure.balancer.set_group("group", &[address], |_| {});
        let sender = secure.http2().await;
        let ask = async |index: usize| {
            let text = format!("body {index}");
            let mut request = request("POST", "/echo", &text);
            request.headers_mut().append("cookie", "a=1".parse().unwrap());
            request.headers_mut().append("cookie", "b=2".parse().unwrap());
            let answer = read(sender.clone().send_request(request).await.unwrap()).await;
            assert_eq!((answer.0, answer.1), (StatusCode::OK, text));
        };
        futures_util::future::join_all((0..50).map(ask)).await;
        let big = sender.clone().send_request(request("GET", "/big", "")).await.unwrap();
        assert_eq!(read(big).await.1.len(), 1_000_000);
        let first = asked.borrow()[0].clone();
        assert!(first.starts_with("POST /echo HTTP/1.1\r\nHost: a.example.com\r\n"), "{first}");
        for line in ["Cookie: a=1; b=2\r\n", "X-Forwarded-Proto: https\r\n", "X-Forwarded-Port: 443\r\n"] {
            assert!(first.contains(line), "{line} in {first}");
        }
        assert_eq!(secure.balancer.count(Counter::NewConnectionCount), 1);
    });
}

#[test]
fn grpc_keeps_its_trailers() {
    run(async {
        let address = http2_target().await;
        let secure = secure(&[]).await;
        let group = |version| {
            secure.balancer.set_group("group", &[address], move |group| group.protocol_version = version);
        };
        group(ProtocolVersion::Grpc);
        let mut sender = secure.http2().await;
        let call = |method| {
            let mut call = request(method, "/service/Method", "message");
            call.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
            call.headers_mut().insert("te", "trailers".parse().unwrap());
            call
        };
        for _ in 0..3 {
            let (status, text, trailers) = read(sender.send_request(call("POST")).await.unwrap()).await;
            assert_eq!((status, text.as_str()), (StatusCode::OK, "message"));
            assert_eq!(trailers.unwrap()["grpc-status"], "0");
        }
        assert_eq!(secure.balancer.count(Counter::GrpcRequestCount), 3);
        // What does not fit the group's version.
        assert_eq!(sender.send_request(call("PUT")).await.unwrap().status(), 464);
        group(ProtocolVersion::Http1);
        assert_eq!(sender.send_request(call("POST")).await.unwrap().status(), 464);
        group(ProtocolVersion::Http2);
        let mut client = secure.connect("a.example.com", &["http/1.1"]).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert_eq!(status(&read_message(&mut client).await), 464);
    });
}

#[test]
fn a_name_gets_its_certificate() {
    run(async {
        let (address, asked) = target(|_| ok("fine")).await;
        let secure = secure(&[("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "true")]).await;
        secure.balancer.set_group("group", &[address], |_| {});
        for name in ["a.example.com", "x.wild.org"] {
            let mut client = secure.connect(name, &["http/1.1"]).await.unwrap();
            let text = format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n");
            tokio::io::AsyncWriteExt::write_all(&mut client, text.as_bytes()).await.unwrap();
            assert_eq!(body(&read_message(&mut client).await), "fine");
        }
        assert!(asked.borrow()[0].contains("X-Amzn-Tls-Version: TLSv1.3\r\n"), "{}", asked.borrow()[0]);
        assert!(secure.connect("other.com", &[]).await.is_err());
        while secure.balancer.count(Counter::ClientTlsNegotiationErrorCount) == 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn http2_can_be_switched_off() {
    run(async {
        let secure = secure(&[("routing.http2.enabled", "false")]).await;
        let stream = secure.connect("a.example.com", &["h2", "http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    });
}
