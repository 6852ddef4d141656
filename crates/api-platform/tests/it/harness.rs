//! A state in memory, and contexts to call handlers with.

use std::sync::Arc;

use api_auth::{Context, Principal, RequestContext, SessionKeys};
use api_platform::iam::Iam;
use api_platform::sts::Sts;
use state_model::Scope;
use state_store::memory::MemoryStore;
use state_tables::State;
use stdx::clock::Timestamp;
use stdx::random::SeededRandom;
use wire_schema::ServiceError;

pub const ACCOUNT: &str = "000000000000";

pub struct Harness {
    pub state: Arc<State>,
    pub keys: Arc<SessionKeys>,
    pub now: Timestamp,
}

impl Harness {
    pub async fn new() -> Self {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
        stdx_async::supervisor::spawn("state feed", feed.run());
        Self { state, keys: Arc::new(SessionKeys::new([1; 32])), now: Timestamp::from_secs(1_767_225_600) }
    }

    pub fn request(&self, principal: Principal) -> RequestContext {
        RequestContext {
            state: Arc::clone(&self.state),
            scope: Scope::new(principal.account(), "us-east-1"),
            principal,
            now: self.now,
            random: stdx::random::SystemRandom::shared(),
            request_id: "r".into(),
            source_ip: None,
            endpoint: None,
        }
    }

    pub fn iam(&self) -> Context<Iam> {
        self.iam_as(Principal::root(ACCOUNT))
    }

    pub fn iam_as(&self, principal: Principal) -> Context<Iam> {
        Context::new(self.request(principal), Arc::new(Iam { keys: Arc::clone(&self.keys) }))
    }

    pub fn sts_as(&self, principal: Principal) -> Context<Sts> {
        Context::new(self.request(principal), Arc::new(Sts { keys: Arc::clone(&self.keys) }))
    }
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>, code: &str, message: &str) {
    let error = answer.expect_err("the call is refused");
    assert_eq!((error.code.as_ref(), error.message.as_str()), (code, message));
}

/// Some text that IAM takes.
pub const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

pub fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#
    )
}

pub fn seeded() -> stdx::random::SharedRandom {
    SeededRandom::shared(1)
}
