//! A region with its defaults in memory, and contexts to call handlers with.

use std::sync::Arc;

use api_auth::{Context, Principal, RequestContext};
use api_network::ec2::Ec2;
use state_model::Scope;
use state_model::ec2::subnet::Ipv4Block;
use state_store::memory::MemoryStore;
use state_tables::ipv6_blocks::Ipv6Source;
use state_tables::public_addresses::PublicPool;
use state_tables::{State, Transaction};
use stdx::clock::Timestamp;
use stdx::random::SystemRandom;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

const POOL: Ipv4Block = Ipv4Block { network: std::net::Ipv4Addr::new(203, 0, 113, 0), prefix_length: 24 };
pub const ACCOUNT: &str = "000000000000";
pub const REGION: &str = "us-east-1";

pub struct Harness {
    pub state: Arc<State>,
    pub scope: Scope,
    pub ipv6_source: Ipv6Source,
}

impl Harness {
    pub async fn new() -> Self {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
        stdx_async::supervisor::spawn("state feed", feed.run());
        let ipv6_source = Ipv6Source(None);
        let harness = Self { state, scope: Scope::new(ACCOUNT, REGION), ipv6_source };
        let scope = harness.scope.clone();
        harness
            .write(|transaction| api_network::defaults::write(&scope, now(), &SystemRandom, transaction))
            .await;
        harness
    }

    pub async fn write(&self, fill: impl FnOnce(&mut Transaction)) {
        let mut transaction = Transaction::new();
        fill(&mut transaction);
        self.state.commit(transaction).await.expect("the records are new");
    }

    pub fn context(&self) -> Context<Ec2> {
        let request = RequestContext {
            state: Arc::clone(&self.state),
            scope: self.scope.clone(),
            principal: Principal::root(&self.scope.account),
            now: now(),
            random: SystemRandom::shared(),
            request_id: "r".into(),
            source_ip: None,
            endpoint: None,
        };
        Context::new(request, Arc::new(Ec2 { public_pool: PublicPool(POOL), ipv6_source: self.ipv6_source }))
    }

    pub fn default_vpc(&self) -> String {
        let view = self.state.view();
        let vpc = view.vpcs.by("default", &self.scope.to_string()).next().expect("a default VPC");
        vpc.id.clone()
    }

    pub fn default_group(&self) -> String {
        let view = self.state.view();
        let key = self.scope.key(&format!("{}/default", self.default_vpc()));
        view.security_groups.by("name", &key).next().expect("a default group").id.clone()
    }

    /// The same state, asked by another account or in another region.
    pub fn elsewhere(&self, account: &str, region: &str) -> Self {
        Self {
            state: Arc::clone(&self.state),
            scope: Scope::new(account, region),
            ipv6_source: self.ipv6_source,
        }
    }

    /// A VPC of this account and region with other addresses than the default one's.
    pub async fn vpc_with(&self, id: &str, cidr_block: &str) -> String {
        let view = self.state.view();
        let (_, vpc) = view.vpcs.prefix("").next().expect("a default VPC");
        let mut vpc = state_model::ec2::Vpc::clone(vpc.record());
        vpc.scope = self.scope.clone();
        vpc.id = id.to_owned();
        vpc.cidr_block = cidr_block.to_owned();
        vpc.is_default = false;
        self.write(|transaction| transaction.insert(&vpc)).await;
        vpc.id
    }

    /// What a node tells of a resource that it has brought into place.
    pub async fn tell_in_place(&self, id: &str) {
        let in_place = state_model::ec2::InPlace { scope: self.scope.clone(), id: id.to_owned(), at: now() };
        self.write(|transaction| transaction.put(&in_place)).await;
    }

    /// A VPC besides the default one, with a default group of its own.
    pub async fn second_vpc(&self) -> String {
        let view = self.state.view();
        let (_, vpc) = view.vpcs.prefix("").next().expect("a default VPC");
        let mut vpc = state_model::ec2::Vpc::clone(vpc.record());
        vpc.id = String::from("vpc-0123456789abcdef0");
        vpc.is_default = false;
        self.write(|transaction| transaction.insert(&vpc)).await;
        vpc.id
    }

    /// The default subnet of the region's first zone.
    pub fn default_subnet(&self) -> String {
        let view = self.state.view();
        let (_, subnet) = view.subnets.prefix("").next().expect("a default subnet");
        subnet.id.clone()
    }

    pub async fn create_group(&self, name: &str, vpc_id: Option<&str>) -> String {
        let input = wire::CreateSecurityGroupRequest {
            group_name: Some(name.into()),
            description: Some("for a test".into()),
            vpc_id: vpc_id.map(str::to_owned),
            ..Default::default()
        };
        let made =
            api_network::ec2::create_security_group::create_security_group(self.context(), input).await;
        made.expect("the group is made").group_id.expect("it has an id")
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_secs(1_767_225_600)
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>, code: &str, message: &str) {
    let error = answer.expect_err("the call is refused");
    assert_eq!((error.code.as_ref(), error.message.as_str()), (code, message));
}

pub fn filter(name: &str, values: &[&str]) -> Option<Vec<wire::Filter>> {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Some(vec![wire::Filter { name: Some(name.into()), values: Some(values) }])
}

pub fn tag(key: &str, value: &str) -> wire::Tag {
    wire::Tag { key: Some(key.into()), value: Some(value.into()) }
}

/// The code of a refused call.
#[track_caller]
pub fn code_of<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> String {
    answer.expect_err("the call is refused").code.to_string()
}
