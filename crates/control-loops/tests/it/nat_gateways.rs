//! What deleted NAT gateways held goes when the nodes have told, and they themselves an hour later.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use control_loops::LoopContext;
use control_loops::cleanup;
use control_loops::driver::Activation;
use state_model::ec2::elastic_ip::ElasticIpAssociation;
use state_model::ec2::nat_gateway::NatElasticIp;
use state_model::ec2::{ClientToken, ElasticIp, InPlace, NatGateway, NetworkInterface};
use state_model::record::Record;
use state_tables::Transaction;
use stdx::clock::{FakeClock, Timestamp};

use crate::installation::scope;
use crate::load_balancing::{self, LoadBalancing};

const START: i64 = 1_000;

fn gateway(deleted: bool) -> NatGateway {
    NatGateway {
        scope: scope(),
        id: "nat-1".into(),
        vpc_id: "vpc-1".into(),
        subnet_id: "subnet-a".into(),
        network_interface_id: "eni-1".into(),
        private_address: Ipv4Addr::new(10, 0, 0, 9),
        elastic_ip: Some(NatElasticIp {
            allocation_id: "eipalloc-1".into(),
            association_id: "eipassoc-1".into(),
            public_address: Ipv4Addr::new(127, 80, 0, 9),
        }),
        created_at: Timestamp::from_secs(1),
        deleted_at: deleted.then(|| Timestamp::from_secs(START)),
        failure: None,
        client_token: Some("token".into()),
        tags: Default::default(),
    }
}

fn interface() -> NetworkInterface {
    NetworkInterface {
        scope: scope(),
        id: "eni-1".into(),
        vpc_id: "vpc-1".into(),
        subnet_id: "subnet-a".into(),
        availability_zone: "us-east-1a".into(),
        address: Ipv4Addr::new(10, 0, 0, 9),
        mac_address: "0a:00:00:00:00:09".into(),
        private_dns_name: "ip-10-0-0-9.ec2.internal".into(),
        description: "Interface for NAT Gateway nat-1".into(),
        security_groups: Vec::new(),
        task_key: String::new(),
        load_balancer_key: None,
        nat_gateway_id: Some("nat-1".into()),
        vpc_endpoint_id: None,
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: false,
        attachment_id: "a".into(),
        created_at: Timestamp::from_secs(1),
        tags: Default::default(),
    }
}

async fn start(deleted: bool, in_place: bool) -> LoadBalancing {
    let this = load_balancing::start().await;
    this.put(&gateway(deleted)).await;
    this.put(&interface()).await;
    let association = ElasticIpAssociation {
        id: "eipassoc-1".into(),
        network_interface_id: "eni-1".into(),
        private_address: Ipv4Addr::new(10, 0, 0, 9),
    };
    this.put(&ElasticIp {
        scope: scope(),
        id: "eipalloc-1".into(),
        public_address: Ipv4Addr::new(127, 80, 0, 9),
        association: Some(association),
        tags: Default::default(),
    })
    .await;
    this.put(&ClientToken {
        scope: scope(),
        operation: "CreateNatGateway".into(),
        token: "token".into(),
        request_digest: 1,
        resource_id: "nat-1".into(),
    })
    .await;
    if in_place {
        this.put(&in_place_record()).await;
    }
    this
}

fn in_place_record() -> InPlace {
    InPlace { scope: scope(), id: "nat-1".into(), at: Timestamp::from_secs(2) }
}

async fn free(this: &LoadBalancing) -> Activation {
    cleanup::nat_gateways(this.context.clone()).await.expect("it commits")
}

#[tokio::test]
async fn a_gateway_that_works_keeps_everything() {
    for (deleted, in_place) in [(false, false), (false, true), (true, true)] {
        let this = start(deleted, in_place).await;
        assert_eq!(free(&this).await, Activation::Idle(None));
        assert_eq!(cleanup::interfaces(this.context.clone()).await.unwrap(), Activation::Idle(None));
        assert_eq!(this.state.view().network_interfaces.len(), 1, "{deleted} {in_place}");
    }
}

#[tokio::test]
async fn a_deleted_gateway_gives_back_what_it_held() {
    let this = start(true, true).await;
    let mut transaction = Transaction::new();
    transaction.delete(this.state.view().network_in_place.get(&in_place_record().key()).unwrap());
    this.state.commit(transaction).await.unwrap();
    assert_eq!(free(&this).await, Activation::Again);
    assert_eq!(free(&this).await, Activation::Idle(None));
    let view = this.state.view();
    assert!(view.network_interfaces.is_empty());
    assert!(
        view.elastic_ips.iter().all(|(_, address)| address.association.is_none()),
        "it stays its account's"
    );
    assert_eq!(view.nat_gateways.len(), 1, "it is described for an hour more");

    let due = Timestamp::from_secs(START).plus(Duration::from_secs(3600));
    let expire = async |at: Timestamp| {
        let context = LoopContext { clock: FakeClock::at(at), ..this.context.clone() };
        cleanup::expired_nat_gateways(context).await.expect("it commits")
    };
    assert_eq!(expire(Timestamp::from_secs(START + 10)).await, Activation::Idle(Some(due)));
    assert_eq!(expire(due).await, Activation::Again);
    let view = Arc::clone(&this.state.view());
    assert!(view.nat_gateways.is_empty() && view.ec2_client_tokens.is_empty());
}

#[tokio::test]
async fn a_user_s_interface_is_nobody_s_to_remove() {
    let this = load_balancing::start().await;
    this.put(&NetworkInterface { nat_gateway_id: None, ..interface() }).await;
    assert_eq!(cleanup::interfaces(this.context.clone()).await.unwrap(), Activation::Idle(None));
    assert_eq!(free(&this).await, Activation::Idle(None));
    assert_eq!(this.state.view().network_interfaces.len(), 1);
}
