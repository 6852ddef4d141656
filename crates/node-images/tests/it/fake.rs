//! A registry in memory, with faults on demand.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use node_images::digest::Digest;
use stdx_net::body::Body;
use stdx_net::server::{self, Listening};

use crate::build::Image;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    Basic,
    Token,
}

#[derive(Clone, Debug)]
pub enum Fault {
    Status(u16),
    RetryAfter(u16, u64),
    /// Promises everything, sends so many bytes.
    CutAfter(usize),
    /// Other content than the address promises.
    Replace(Bytes),
}

#[derive(Default)]
struct State {
    blobs: HashMap<String, Bytes>,
    manifests: HashMap<String, (String, Bytes)>,
    access: Option<Access>,
    /// Applied to requests whose path contains the text, so many times.
    faults: Vec<(String, u32, Fault)>,
    log: Vec<String>,
    ranges: bool,
}

pub struct Fake {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    _listening: Listening,
}

pub const USER: &str = "user";
pub const PASSWORD: &str = "password";
const TOKEN: &str = "a-token";

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { ranges: true, ..State::default() }));
        let handler = {
            let state = state.clone();
            server::handler(move |request, _| {
                let answer = answer(&state, address, &request);
                async move { answer }
            })
        };
        let listening =
            server::serve(listener, &server::Config::default(), handler).expect("the listener works");
        Self { address, state, _listening: listening }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `image` available as `repository:tag`; answers its manifest's digest.
    pub fn push(&self, name: &str, image: &Image) -> Digest {
        let mut state = self.state();
        state.blobs.insert(Digest::of(&image.config).to_string(), image.config.clone().into());
        for layer in &image.layers {
            state.blobs.insert(layer.digest.to_string(), layer.blob.clone().into());
        }
        drop(state);
        self.push_document(name, image.media_type, &image.manifest)
    }

    pub fn push_document(&self, name: &str, media_type: &str, document: &[u8]) -> Digest {
        let digest = Digest::of(document);
        let (repository, tag) = name.split_once(':').expect("a tag");
        let mut state = self.state();
        for selector in [tag.to_owned(), digest.to_string()] {
            let key = format!("/v2/{repository}/manifests/{selector}");
            state.manifests.insert(key, (media_type.to_owned(), Bytes::copy_from_slice(document)));
        }
        digest
    }

    pub fn require(&self, access: Access) {
        self.state().access = Some(access);
    }

    pub fn fail(&self, path_part: &str, times: u32, fault: Fault) {
        self.state().faults.push((path_part.to_owned(), times, fault));
    }

    pub fn without_ranges(&self) {
        self.state().ranges = false;
    }

    /// The requests since the last call: method and path.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }
}

fn answer(state: &Mutex<State>, address: SocketAddr, request: &Request<Body>) -> Response<Body> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let path = request.uri().path().to_owned();
    state.log.push(format!("{} {path}", request.method()));
    if path == "/token" {
        return token(request);
    }
    if let Some(refusal) = refusal(state.access.as_ref(), address, request) {
        return refusal;
    }
    let fault = state.faults.iter_mut().find(|(part, times, _)| path.contains(part.as_str()) && *times > 0);
    let fault = fault.map(|(_, times, fault)| {
        *times -= 1;
        fault.clone()
    });
    let found = if let Some((media_type, document)) = state.manifests.get(&path) {
        Some((media_type.clone(), document.clone()))
    } else {
        let digest = path.rsplit('/').next().unwrap_or_default();
        state.blobs.get(digest).map(|blob| (String::from("application/octet-stream"), blob.clone()))
    };
    match (fault, found) {
        (Some(Fault::Status(status)), _) => error(status, "UNKNOWN", "on purpose"),
        (Some(Fault::RetryAfter(status, seconds)), _) => {
            let mut response = error(status, "TOOMANYREQUESTS", "Too Many Requests");
            response.headers_mut().insert("retry-after", seconds.into());
            response
        }
        (_, None) => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        (Some(Fault::CutAfter(length)), Some((media_type, content))) => {
            let part = content.slice(..length.min(content.len()));
            let stream = futures_util::stream::iter([Ok(part), Err(std::io::Error::other("cut"))]);
            let response = Response::builder().header("content-type", media_type);
            response.header("content-length", content.len()).body(Body::stream(stream)).expect("a response")
        }
        (Some(Fault::Replace(content)), Some((media_type, _))) => serve(request, &media_type, content, false),
        (None, Some((media_type, content))) => serve(request, &media_type, content, state.ranges),
    }
}

fn serve(request: &Request<Body>, media_type: &str, content: Bytes, ranges: bool) -> Response<Body> {
    let response = Response::builder()
        .header("content-type", media_type)
        .header("docker-content-digest", Digest::of(&content).to_string());
    if *request.method() == Method::HEAD {
        return response.header("content-length", content.len()).body(Body::empty()).expect("a response");
    }
    let range = request.headers().get("range").and_then(|range| range.to_str().ok());
    let start =
        range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match start.filter(|_| ranges) {
        Some(start) => response
            .status(StatusCode::PARTIAL_CONTENT)
            .body(content.slice(start..).into())
            .expect("a response"),
        None => response.body(content.into()).expect("a response"),
    }
}

fn token(request: &Request<Body>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    assert!(query.contains("service=fake"), "{query}");
    assert!(query.contains("scope=repository:team/app:pull"), "{query}");
    let anonymous = request.headers().get("authorization").is_none();
    if anonymous || is_user(request) {
        return Response::new(Body::from(format!(r#"{{"token":"{TOKEN}","expires_in":300}}"#)));
    }
    error(401, "UNAUTHORIZED", "wrong password")
}

fn refusal(access: Option<&Access>, address: SocketAddr, request: &Request<Body>) -> Option<Response<Body>> {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let (allowed, challenge) = match access? {
        Access::Basic => (is_user(request), String::from(r#"Basic realm="fake""#)),
        Access::Token => (
            header == Some(&format!("Bearer {TOKEN}")),
            format!(
                r#"Bearer realm="http://{address}/token",service="fake",scope="repository:team/app:pull""#
            ),
        ),
    };
    if allowed {
        return None;
    }
    let mut response = error(401, "UNAUTHORIZED", "authentication required");
    response.headers_mut().insert("www-authenticate", challenge.parse().expect("a header"));
    Some(response)
}

fn is_user(request: &Request<Body>) -> bool {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    request.headers().get("authorization").is_some_and(|value| value == &format!("Basic {pair}"))
}

fn error(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
    Response::builder().status(status).body(Body::from(body)).expect("a response")
}
