//! A registry of one account, called as a client would: with JSON.

use std::sync::Arc;
use std::time::Duration;

use api_auth::{Context, Principal, RequestContext, SessionKeys};
use api_compute::ecr::{Ecr, RegistryAddress};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use state_blobs::{BlobStore, Digest};
use state_model::Scope;
use state_store::memory::MemoryStore;
use state_tables::State;
use stdx::clock::{Clock, FakeClock, Timestamp};
use stdx::random::SystemRandom;
use wire_protocols::{Call, ServiceTable};
use wire_schema::Protocol;

pub const ACCOUNT: &str = "000000000000";

pub struct Harness {
    pub service: Arc<Ecr>,
    state: Arc<State>,
    clock: Arc<FakeClock>,
    table: ServiceTable<Context<Ecr>>,
    _directory: tempfile::TempDir,
}

impl Harness {
    /// With one repository, `web`.
    pub async fn new() -> Self {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
        stdx_async::supervisor::spawn("state feed", feed.run());
        let directory = tempfile::tempdir().expect("a directory for the test");
        let clock = FakeClock::at(Timestamp::from_secs(1_767_225_600));
        let blobs = BlobStore::open(directory.path(), Arc::clone(&clock) as _, SystemRandom::shared());
        let service = Ecr {
            blobs: blobs.expect("the blobs' directory is made"),
            keys: SessionKeys::new([7; 32]),
            address: RegistryAddress { suffix: "neargate.internal:4566".into(), scheme: "https" },
        };
        let table = api_compute::ecr::service();
        let harness = Self { service: Arc::new(service), state, clock, table, _directory: directory };
        harness.ok("CreateRepository", json!({ "repositoryName": "web" })).await;
        harness
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The output of a call that succeeds.
    #[track_caller]
    pub fn ok(&self, operation: &str, input: Value) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        let operation = operation.to_owned();
        async move {
            match self.call(&operation, input).await {
                Ok(output) => output,
                Err(error) => panic!("{place}: {operation}: {error}"),
            }
        }
    }

    /// `code: message` of a call that is refused.
    #[track_caller]
    pub fn refused(&self, operation: &str, input: Value) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        let operation = operation.to_owned();
        async move {
            match self.call(&operation, input).await {
                Ok(output) => panic!("{place}: {operation} answered {output}"),
                Err(error) => error,
            }
        }
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, String> {
        let request = RequestContext {
            state: Arc::clone(&self.state),
            scope: Scope::new(ACCOUNT, "us-east-1"),
            principal: Principal::root(ACCOUNT),
            now: self.now(),
            random: SystemRandom::shared(),
            request_id: "r".into(),
            source_ip: None,
            endpoint: None,
        };
        let context = Context::new(request, Arc::clone(&self.service));
        let (parts, ()) = http::Request::post("/").body(()).expect("a plain request").into_parts();
        let body = Bytes::from(input.to_string());
        let call =
            Call { protocol: Protocol::AwsJson1_1, operation, parts: &parts, body: &body, request_id: "r" };
        let answer = self.table.call(context, call).await;
        let output: Value = serde_json::from_slice(answer.body().bytes().expect("no streams in ECR"))
            .expect("the answer is JSON");
        if answer.status().is_success() {
            return Ok(output);
        }
        let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
        Err(format!("{}: {}", text("__type"), text("message")))
    }

    /// Pushes a layer in one part; yields its digest.
    pub async fn layer(&self, repository: &str, content: &str) -> String {
        let digest = Digest::of(content.as_bytes()).to_string();
        let upload = self.ok("InitiateLayerUpload", json!({ "repositoryName": repository })).await;
        let part = json!({
            "repositoryName": repository,
            "uploadId": upload["uploadId"],
            "partFirstByte": 0,
            "partLastByte": content.len() - 1,
            "layerPartBlob": STANDARD.encode(content),
        });
        self.ok("UploadLayerPart", part).await;
        let complete = json!({
            "repositoryName": repository,
            "uploadId": upload["uploadId"],
            "layerDigests": [digest],
        });
        assert_eq!(self.ok("CompleteLayerUpload", complete).await["layerDigest"], json!(digest));
        digest
    }

    /// Pushes an image whose content is `content`; yields its manifest and digest.
    pub async fn image(&self, repository: &str, content: &str, tag: Option<&str>) -> (String, String) {
        let manifest = manifest(content);
        for part in [content.to_owned(), format!("config of {content}")] {
            let digest = Digest::of(part.as_bytes()).to_string();
            let check = json!({ "repositoryName": repository, "layerDigests": [digest] });
            let found = self.ok("BatchCheckLayerAvailability", check).await;
            if found["layers"][0]["layerAvailability"] != "AVAILABLE" {
                self.layer(repository, &part).await;
            }
        }
        let mut input = json!({ "repositoryName": repository, "imageManifest": manifest });
        if let Some(tag) = tag {
            input["imageTag"] = json!(tag);
        }
        let put = self.ok("PutImage", input).await;
        (manifest, put["image"]["imageId"]["imageDigest"].as_str().expect("a digest").to_owned())
    }
}

pub fn manifest(content: &str) -> String {
    let config = format!("config of {content}");
    let descriptor = |media_type: &str, content: &str| {
        let digest = Digest::of(content.as_bytes()).to_string();
        json!({ "mediaType": media_type, "digest": digest, "size": content.len() })
    };
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", content)],
    })
    .to_string()
}
