//! Prints how fast a 200 MB layer is pushed to and pulled from the registry, over loopback, by a client in
//! this process.
//!
//! `cargo run --release -p api-registry --example registry_throughput -- [DIRECTORY]`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api_auth::{Principal, SessionKeys};
use api_registry::{Registry, RequestMeta};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use state_blobs::{BlobStore, Digest};
use state_model::Scope;
use state_model::ecr::repository::Repository;
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction};
use stdx::clock::{SharedClock, SystemClock};
use stdx::random::{Random, SystemRandom};
use stdx_net::body::{self, Body};
use stdx_net::client::{Client, Options};
use stdx_net::server;

const BLOB_BYTES: usize = 200 << 20;
const ROUNDS: u8 = 5;
const IDLE_MAX: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let scratch =
        tempfile::tempdir_in(std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from))?;
    let clock = SystemClock::shared();
    let registry = registry(scratch.path(), clock.clone()).await?;
    let root = Principal::root("000000000000");
    let token = registry.keys.issue_registry_token(root, clock.now(), &SystemRandom);
    let authorization = format!("Basic {}", STANDARD.encode(format!("AWS:{}", token.password)));
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let handler = server::handler(move |request, connection| {
        let registry = registry.clone();
        let source_ip = Some(connection.peer.ip());
        let meta =
            RequestMeta { request_id: String::from("r"), source_ip, is_tls: connection.tls, endpoint: None };
        async move { registry.handle(request, meta).await }
    });
    let listening = server::serve(listener, &server::Config::default(), handler)?;
    let base = format!("http://{}/v2/web/blobs", listening.local_addr());
    let client = Client::new(Options::default())?;
    let mut content = vec![0; BLOB_BYTES];
    SystemRandom.fill(&mut content);
    for round in 0..ROUNDS {
        content[0] = round;
        let content = Bytes::from(content.clone());
        let digest = Digest::of(&content);
        let push = Request::post(format!("{base}/uploads/?digest={digest}"));
        let push = push.header("authorization", &authorization).body(Body::from(content))?;
        let from = clock.monotonic();
        let answer = client.send(push).await?;
        let pushed = clock.monotonic() - from;
        if answer.status() != 201 {
            return Err(format!("the push was answered {}", answer.status()).into());
        }
        let pull = Request::get(format!("{base}/{digest}")).header("authorization", &authorization);
        let from = clock.monotonic();
        let mut body = client.send(pull.body(Body::empty())?).await?.into_body();
        let mut length = 0;
        while let Some(chunk) = body::next_chunk(&mut body, IDLE_MAX).await? {
            length += chunk.len();
        }
        let pulled = clock.monotonic() - from;
        let rate = |took: Duration| length as f64 / took.as_secs_f64() / 1e6;
        println!("pushed {:.0} MB/s (hashed and durable), pulled {:.0} MB/s", rate(pushed), rate(pulled));
    }
    Ok(())
}

async fn registry(directory: &Path, clock: SharedClock) -> Result<Registry, Failure> {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await?;
    stdx_async::supervisor::spawn("state feed", feed.run());
    let mut transaction = Transaction::new();
    transaction.insert(&Repository {
        scope: Scope::new("000000000000", "us-east-1"),
        name: "web".into(),
        created_at: clock.now(),
        tag_mutability: Default::default(),
        scan_on_push: false,
        policy: None,
        lifecycle: None,
        preview: None,
        tags: Default::default(),
        is_deleting: false,
    });
    state.commit(transaction).await?;
    Ok(Registry {
        state,
        blobs: BlobStore::open(directory, clock.clone(), SystemRandom::shared())?,
        keys: SessionKeys::new([7; 32]),
        clock,
        random: SystemRandom::shared(),
        default_region: "us-east-1".into(),
    })
}
