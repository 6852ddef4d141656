//! A region with a default VPC and cluster in memory, called as a client would: with JSON.

use std::sync::Arc;
use std::time::Duration;

use api_auth::{Context, Principal, RequestContext};
use api_compute::ecs::Ecs;
use bytes::Bytes;
use serde_json::{Value, json};
use state_model::Scope;
use state_model::ec2::{SecurityGroup, Subnet};
use state_model::iam::role::Role;
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction};
use stdx::clock::{Clock, FakeClock, Timestamp};
use wire_protocols::{Call, ServiceTable};
use wire_schema::Protocol;

pub const ACCOUNT: &str = "000000000000";
pub const REGION: &str = "us-east-1";
pub const ROLE: &str = "arn:aws:iam::000000000000:role/app";
pub const UNTRUSTED_ROLE: &str = "arn:aws:iam::000000000000:role/other";

pub struct Harness {
    pub state: Arc<State>,
    pub scope: Scope,
    clock: Arc<FakeClock>,
    table: ServiceTable<Context<Ecs>>,
    service: Arc<Ecs>,
}

/// What a refused call says.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: String,
    pub message: String,
    pub body: Value,
}

impl Harness {
    pub async fn new() -> Self {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
        stdx_async::supervisor::spawn("state feed", feed.run());
        let harness = Self {
            state,
            scope: Scope::new(ACCOUNT, REGION),
            clock: FakeClock::at(Timestamp::from_secs(1_767_225_600)),
            table: api_compute::ecs::service(),
            service: Arc::default(),
        };
        harness.write_defaults().await;
        harness
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The output of a call that succeeds.
    #[track_caller]
    pub fn ok(&self, operation: &str, input: Value) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        let operation = operation.to_owned();
        async move {
            match self.call(&operation, input).await {
                Ok(output) => output,
                Err(error) => panic!("{place}: {operation}: {error:?}"),
            }
        }
    }

    /// Code and message of a call that is refused.
    #[track_caller]
    pub fn refused(&self, operation: &str, input: Value) -> impl Future<Output = (String, String)> {
        let place = std::panic::Location::caller();
        let operation = operation.to_owned();
        async move {
            match self.call(&operation, input).await {
                Ok(output) => panic!("{place}: {operation} answered {output}"),
                Err(error) => (error.code, error.message),
            }
        }
    }

    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, Refused> {
        let context = Context::new(self.request(Principal::root(ACCOUNT)), Arc::clone(&self.service));
        let (parts, ()) = http::Request::post("/").body(()).expect("a plain request").into_parts();
        let body = Bytes::from(input.to_string());
        let call =
            Call { protocol: Protocol::AwsJson1_1, operation, parts: &parts, body: &body, request_id: "r" };
        let answer = self.table.call(context, call).await;
        let bytes = answer.body().bytes().expect("no streams in ECS").clone();
        let output: Value = serde_json::from_slice(&bytes).expect("the answer is JSON");
        if answer.status().is_success() {
            return Ok(output);
        }
        let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(Refused { code: text("__type"), message: text("message"), body: output })
    }

    pub async fn write(&self, fill: impl FnOnce(&mut Transaction)) {
        let mut transaction = Transaction::new();
        fill(&mut transaction);
        self.state.commit(transaction).await.expect("the records are new");
    }

    fn request(&self, principal: Principal) -> RequestContext {
        RequestContext {
            state: Arc::clone(&self.state),
            scope: self.scope.clone(),
            principal,
            now: self.now(),
            random: stdx::random::SystemRandom::shared(),
            request_id: "r".into(),
            source_ip: None,
            endpoint: None,
        }
    }

    async fn write_defaults(&self) {
        self.write(|transaction| {
            api_compute::defaults::write(&self.scope, self.now(), transaction);
            for (index, vpc) in ["vpc-1", "vpc-1", "vpc-2"].iter().enumerate() {
                transaction.insert(&subnet(&self.scope, index + 1, vpc));
            }
            for (id, vpc, name) in
                [("sg-1", "vpc-1", "default"), ("sg-2", "vpc-1", "web"), ("sg-3", "vpc-2", "default")]
            {
                transaction.insert(&security_group(&self.scope, id, vpc, name));
            }
            transaction.insert(&role("app", "ecs-tasks.amazonaws.com"));
            transaction.insert(&role("other", "ec2.amazonaws.com"));
        })
        .await;
    }
}

/// A definition that Fargate takes, with `changes` laid over it: null takes a field away.
pub fn definition(changes: Value) -> Value {
    let mut base = json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{ "name": "app", "image": "nginx" }],
    });
    merge(&mut base, changes);
    base
}

/// As [`definition`], with changes to its only container.
pub fn with_container(changes: Value) -> Value {
    let mut container = json!({ "name": "app", "image": "nginx" });
    merge(&mut container, changes);
    definition(json!({ "containerDefinitions": [container] }))
}

/// A run of the newest `web` on Fargate.
pub fn run(changes: Value) -> Value {
    let mut base = json!({
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    merge(&mut base, changes);
    base
}

pub fn merge(base: &mut Value, changes: Value) {
    let (Some(base), Value::Object(changes)) = (base.as_object_mut(), changes) else { return };
    for (name, value) in changes {
        match value {
            Value::Null => drop(base.remove(&name)),
            value => drop(base.insert(name, value)),
        }
    }
}

fn subnet(scope: &Scope, number: usize, vpc: &str) -> Subnet {
    Subnet {
        scope: scope.clone(),
        id: format!("subnet-{number}"),
        vpc_id: vpc.into(),
        cidr_block: format!("172.31.{number}.0/24"),
        availability_zone: format!("{REGION}{}", ["a", "b", "c"][number - 1]),
        availability_zone_id: format!("use1-az{number}"),
        default_for_az: true,
        map_public_ip_on_launch: true,
        ipv6_block: None,
        assign_ipv6_address_on_creation: false,
        hostname_type: None,
        enable_resource_name_dns_a_record: false,
        enable_resource_name_dns_aaaa_record: false,
        tags: Default::default(),
    }
}

fn security_group(scope: &Scope, id: &str, vpc: &str, name: &str) -> SecurityGroup {
    SecurityGroup {
        scope: scope.clone(),
        id: id.into(),
        vpc_id: vpc.into(),
        name: name.into(),
        description: String::new(),
        rules: Vec::new(),
        tags: Default::default(),
    }
}

fn role(name: &str, trusted: &str) -> Role {
    let trust_policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": trusted }, "Action": "sts:AssumeRole" }],
    });
    Role {
        account: ACCOUNT.into(),
        name: name.into(),
        path: "/".into(),
        id: format!("AROA{name}"),
        created_at: Timestamp::from_secs(0),
        trust_policy: trust_policy.to_string(),
        description: None,
        session_duration_s_max: 3600,
        permissions_boundary: None,
        linked_service: None,
        inline_policies: Default::default(),
        attached_policies: Vec::new(),
        tags: Default::default(),
        last_used: None,
    }
}
