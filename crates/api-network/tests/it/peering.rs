//! Peering connections from the request to their end, and groups that are named across them.

use api_network::ec2::{
    accept_vpc_peering_connection, authorize_security_group_ingress, create_vpc_peering_connection,
    delete_security_group, delete_vpc_peering_connection, describe_security_group_references,
    describe_security_groups, describe_stale_security_groups, describe_vpc_peering_connections,
    get_security_groups_for_vpc, modify_vpc_peering_connection_options, reject_vpc_peering_connection,
    revoke_security_group_ingress,
};
use state_model::ec2::VpcPeeringConnection;
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;
use wire_shapes_network::ec2::VpcPeeringConnectionStateReasonCode as Code;

use crate::harness::{ACCOUNT, Harness, filter, now};

const OTHER: &str = "111111111111";

async fn create(
    harness: &Harness,
    vpc: &str,
    peer: &str,
    peer_scope: Option<(&str, &str)>,
) -> Result<wire::VpcPeeringConnection, ServiceError> {
    let input = wire::CreateVpcPeeringConnectionRequest {
        vpc_id: Some(vpc.into()),
        peer_vpc_id: Some(peer.into()),
        peer_owner_id: peer_scope.map(|(account, _)| account.to_owned()),
        peer_region: peer_scope.map(|(_, region)| region.to_owned()),
        ..Default::default()
    };
    let answer =
        create_vpc_peering_connection::create_vpc_peering_connection(harness.context(), input).await?;
    Ok(answer.vpc_peering_connection.unwrap())
}

async fn accept(harness: &Harness, id: &str) -> Result<Code, ServiceError> {
    let input = wire::AcceptVpcPeeringConnectionRequest {
        vpc_peering_connection_id: Some(id.into()),
        ..Default::default()
    };
    let answer =
        accept_vpc_peering_connection::accept_vpc_peering_connection(harness.context(), input).await?;
    Ok(answer.vpc_peering_connection.unwrap().status.unwrap().code.unwrap())
}

async fn delete(harness: &Harness, id: &str) -> Result<Option<bool>, ServiceError> {
    let input = wire::DeleteVpcPeeringConnectionRequest {
        vpc_peering_connection_id: Some(id.into()),
        ..Default::default()
    };
    let answer =
        delete_vpc_peering_connection::delete_vpc_peering_connection(harness.context(), input).await?;
    Ok(answer.r#return)
}

async fn reject(harness: &Harness, id: &str) -> Result<Option<bool>, ServiceError> {
    let input = wire::RejectVpcPeeringConnectionRequest {
        vpc_peering_connection_id: Some(id.into()),
        ..Default::default()
    };
    let answer =
        reject_vpc_peering_connection::reject_vpc_peering_connection(harness.context(), input).await?;
    Ok(answer.r#return)
}

async fn describe(
    harness: &Harness,
    ids: &[&str],
    filters: Option<Vec<wire::Filter>>,
) -> Result<Vec<wire::VpcPeeringConnection>, ServiceError> {
    let input = wire::DescribeVpcPeeringConnectionsRequest {
        vpc_peering_connection_ids: Some(ids.iter().map(|id| (*id).to_owned()).collect()),
        filters,
        ..Default::default()
    };
    let answer =
        describe_vpc_peering_connections::describe_vpc_peering_connections(harness.context(), input).await?;
    Ok(answer.vpc_peering_connections.unwrap())
}

async fn code(harness: &Harness, id: &str) -> Code {
    describe(harness, &[id], None).await.unwrap().remove(0).status.unwrap().code.unwrap()
}

/// Moves the times of a connection, as if it had been made then.
async fn age(harness: &Harness, id: &str, at: Timestamp) {
    let view = harness.state.view();
    let row = view.vpc_peering_connections.get(&harness.scope.key(id)).expect("the connection");
    let connection =
        VpcPeeringConnection { created_at: at, changed_at: at, ..VpcPeeringConnection::clone(row.record()) };
    harness.write(|transaction| transaction.update(row, &connection)).await;
}

fn id_of(connection: &wire::VpcPeeringConnection) -> String {
    connection.vpc_peering_connection_id.clone().unwrap()
}

#[tokio::test]
async fn a_connection_lives_and_ends() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let peer = harness.vpc_with("vpc-0000000000000000a", "10.9.0.0/16").await;
    let made = create(&harness, &vpc, &peer, None).await.unwrap();
    let id = id_of(&made);
    assert_eq!(made.status.as_ref().unwrap().code, Some(Code::PendingAcceptance));
    assert_eq!(made.status.unwrap().message, Some(format!("Pending Acceptance by {ACCOUNT}")));
    assert!(made.expiration_time.is_some());
    let twice = create(&harness, &peer, &vpc, None).await.unwrap_err();
    assert_eq!(twice.code, "VpcPeeringConnectionAlreadyExists");

    assert_eq!(accept(&harness, &id).await.unwrap(), Code::Active);
    assert_eq!(accept(&harness, &id).await.unwrap_err().code, "InvalidStateTransition");
    let shown = describe(&harness, &[], filter("accepter-vpc-info.vpc-id", &[&peer])).await.unwrap();
    assert_eq!(shown[0].accepter_vpc_info.as_ref().unwrap().cidr_block.as_deref(), Some("10.9.0.0/16"));
    assert_eq!(shown[0].expiration_time, None);

    harness.tell_in_place(&id).await;
    assert_eq!(delete(&harness, &id).await.unwrap(), Some(true));
    assert_eq!(code(&harness, &id).await, Code::Deleting, "a node has it still");
    let view = harness.state.view();
    let in_place = view.network_in_place.get(&harness.scope.key(&id)).expect("told");
    harness.write(|transaction| transaction.delete(in_place)).await;
    assert_eq!(code(&harness, &id).await, Code::Deleted);
    assert_eq!(delete(&harness, &id).await.unwrap_err().code, "InvalidStateTransition");
    age(&harness, &id, now().minus(std::time::Duration::from_secs(2 * 3600))).await;
    let gone = describe(&harness, &[&id], None).await.unwrap_err();
    assert_eq!(gone.code, "InvalidVpcPeeringConnectionID.NotFound");
}

#[tokio::test]
async fn requests_fail_expire_and_are_rejected() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let overlapping = harness.vpc_with("vpc-0000000000000000a", "172.31.128.0/20").await;
    let failed = create(&harness, &vpc, &overlapping, None).await.unwrap();
    assert_eq!(failed.status.as_ref().unwrap().code, Some(Code::Failed));
    let elsewhere =
        create(&harness, &vpc, "vpc-00000000000000000", Some((OTHER, "us-east-1"))).await.unwrap();
    assert_eq!(elsewhere.status.unwrap().code, Some(Code::Failed));
    let unknown = create(&harness, &vpc, "vpc-00000000000000000", None).await.unwrap_err();
    assert_eq!(unknown.code, "InvalidVpcID.NotFound");
    let itself = create(&harness, &vpc, &vpc, None).await.unwrap();
    assert_eq!(itself.status.unwrap().code, Some(Code::Failed));

    let peer = harness.vpc_with("vpc-0000000000000000b", "10.9.0.0/16").await;
    let id = id_of(&create(&harness, &vpc, &peer, None).await.unwrap());
    age(&harness, &id, now().minus(std::time::Duration::from_secs(7 * 24 * 3600))).await;
    assert_eq!(code(&harness, &id).await, Code::Expired);
    assert_eq!(accept(&harness, &id).await.unwrap_err().code, "InvalidStateTransition");
    let id = id_of(&create(&harness, &vpc, &peer, None).await.unwrap());
    assert_eq!(reject(&harness, &id).await.unwrap(), Some(true));
    assert_eq!(code(&harness, &id).await, Code::Rejected);
    assert_eq!(reject(&harness, &id).await.unwrap_err().code, "InvalidStateTransition");
}

#[tokio::test]
async fn the_other_side_decides() {
    let harness = Harness::new().await;
    let far = harness.elsewhere(ACCOUNT, "eu-west-1");
    let peer = far.vpc_with("vpc-0000000000000000a", "10.9.0.0/16").await;
    let vpc = harness.default_vpc();
    let id = id_of(&create(&harness, &vpc, &peer, Some((ACCOUNT, "eu-west-1"))).await.unwrap());
    assert_eq!(accept(&harness, &id).await.unwrap_err().code, "OperationNotPermitted");
    assert_eq!(describe(&far, &[], None).await.unwrap().len(), 1);
    assert_eq!(accept(&far, &id).await.unwrap(), Code::Active);
    let third = harness.elsewhere(ACCOUNT, "eu-west-2");
    let unseen = describe(&third, &[&id], None).await.unwrap_err();
    assert_eq!(unseen.code, "InvalidVpcPeeringConnectionID.NotFound");

    let options = |harness: &Harness, allow: bool| {
        let options = wire::PeeringConnectionOptionsRequest {
            allow_dns_resolution_from_remote_vpc: Some(allow),
            ..Default::default()
        };
        let input = wire::ModifyVpcPeeringConnectionOptionsRequest {
            vpc_peering_connection_id: Some(id.clone()),
            accepter_peering_connection_options: Some(options),
            ..Default::default()
        };
        modify_vpc_peering_connection_options::modify_vpc_peering_connection_options(harness.context(), input)
    };
    let answer = options(&far, true).await.unwrap().accepter_peering_connection_options.unwrap();
    assert_eq!(answer.allow_dns_resolution_from_remote_vpc, Some(true));
    assert_eq!(options(&harness, true).await.unwrap_err().code, "OperationNotPermitted");
    delete(&far, &id).await.unwrap();
    assert_eq!(options(&far, false).await.unwrap_err().code, "OperationNotPermitted");
}

fn from_group(group_id: &str) -> Option<Vec<wire::IpPermission>> {
    let pair = wire::UserIdGroupPair { group_id: Some(group_id.into()), ..Default::default() };
    Some(vec![wire::IpPermission {
        ip_protocol: Some("-1".into()),
        user_id_group_pairs: Some(vec![pair]),
        ..Default::default()
    }])
}

async fn authorize(
    harness: &Harness,
    group_id: &str,
    from: &str,
) -> Result<wire::SecurityGroupRule, ServiceError> {
    let input = wire::AuthorizeSecurityGroupIngressRequest {
        group_id: Some(group_id.into()),
        ip_permissions: from_group(from),
        ..Default::default()
    };
    let answer =
        authorize_security_group_ingress::authorize_security_group_ingress(harness.context(), input).await?;
    Ok(answer.security_group_rules.unwrap().remove(0))
}

async fn stale(harness: &Harness, vpc: &str) -> Vec<wire::StaleSecurityGroup> {
    let input = wire::DescribeStaleSecurityGroupsRequest { vpc_id: Some(vpc.into()), ..Default::default() };
    let answer =
        describe_stale_security_groups::describe_stale_security_groups(harness.context(), input).await;
    answer.unwrap().stale_security_group_set.unwrap()
}

#[tokio::test]
async fn groups_are_named_across_connections() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let peer = harness.vpc_with("vpc-0000000000000000a", "10.9.0.0/16").await;
    let here = harness.create_group("here", None).await;
    let there = harness.create_group("there", Some(&peer)).await;
    assert_eq!(authorize(&harness, &here, &there).await.unwrap_err().code, "InvalidGroup.NotFound");
    let id = id_of(&create(&harness, &vpc, &peer, None).await.unwrap());
    accept(&harness, &id).await.unwrap();
    let rule = authorize(&harness, &here, &there).await.unwrap().referenced_group_info.unwrap();
    assert_eq!(rule.vpc_peering_connection_id.as_ref(), Some(&id));
    assert_eq!((rule.vpc_id.as_ref(), rule.peering_status.as_deref()), (Some(&peer), Some("active")));

    let input =
        wire::DescribeSecurityGroupReferencesRequest { group_id: Some(vec![there.clone()]), dry_run: None };
    let references =
        describe_security_group_references::describe_security_group_references(harness.context(), input)
            .await
            .unwrap()
            .security_group_reference_set
            .unwrap();
    assert_eq!(references[0].referencing_vpc_id.as_ref(), Some(&vpc));
    assert!(stale(&harness, &vpc).await.is_empty());

    let input = wire::DeleteSecurityGroupRequest { group_id: Some(there.clone()), ..Default::default() };
    delete_security_group::delete_security_group(harness.context(), input).await.unwrap();
    let found = stale(&harness, &vpc).await;
    assert_eq!(found[0].group_id.as_ref(), Some(&here));
    let pairs = found[0].stale_ip_permissions.as_ref().unwrap()[0].user_id_group_pairs.as_ref().unwrap();
    assert_eq!(pairs[0].group_id.as_ref(), Some(&there));

    let input = wire::RevokeSecurityGroupIngressRequest {
        group_id: Some(here.clone()),
        ip_permissions: from_group(&there),
        ..Default::default()
    };
    revoke_security_group_ingress::revoke_security_group_ingress(harness.context(), input).await.unwrap();
    assert!(stale(&harness, &vpc).await.is_empty());
}

#[tokio::test]
async fn groups_of_another_account_are_named() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let other = harness.elsewhere(OTHER, "us-east-1");
    let peer = other.vpc_with("vpc-0000000000000000a", "10.9.0.0/16").await;
    let here = harness.create_group("here", None).await;
    let there = other.create_group("there", Some(&peer)).await;
    let id = id_of(&create(&harness, &vpc, &peer, Some((OTHER, "us-east-1"))).await.unwrap());
    assert_eq!(accept(&harness, &id).await.unwrap_err().code, "OperationNotPermitted");
    assert_eq!(accept(&other, &id).await.unwrap(), Code::Active);
    let rule = authorize(&harness, &here, &there).await.unwrap().referenced_group_info.unwrap();
    assert_eq!(rule.user_id.as_deref(), Some(OTHER));
    assert_eq!(rule.vpc_peering_connection_id.as_ref(), Some(&id));

    let input =
        wire::DescribeSecurityGroupReferencesRequest { group_id: Some(vec![there.clone()]), dry_run: None };
    let references =
        describe_security_group_references::describe_security_group_references(other.context(), input);
    assert_eq!(references.await.unwrap().security_group_reference_set.unwrap().len(), 1);
    let input =
        wire::DescribeSecurityGroupsRequest { group_ids: Some(vec![here.clone()]), ..Default::default() };
    let shown = describe_security_groups::describe_security_groups(harness.context(), input).await.unwrap();
    let permissions = shown.security_groups.unwrap().remove(0).ip_permissions.unwrap();
    let pair = &permissions[0].user_id_group_pairs.as_ref().unwrap()[0];
    assert_eq!((pair.vpc_id.as_ref(), pair.peering_status.as_deref()), (Some(&peer), Some("active")));
}

#[tokio::test]
async fn a_deleted_connection_leaves_stale_rules() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let peer = harness.vpc_with("vpc-0000000000000000a", "10.9.0.0/16").await;
    let here = harness.create_group("here", None).await;
    let there = harness.create_group("there", Some(&peer)).await;
    let id = id_of(&create(&harness, &vpc, &peer, None).await.unwrap());
    accept(&harness, &id).await.unwrap();
    authorize(&harness, &here, &there).await.unwrap();
    delete(&harness, &id).await.unwrap();
    assert_eq!(stale(&harness, &vpc).await.len(), 1);
    assert_eq!(authorize(&harness, &here, &there).await.unwrap_err().code, "InvalidGroup.NotFound");
}

#[tokio::test]
async fn groups_of_a_vpc_are_listed() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let web = harness.create_group("web", None).await;
    let list = |filters| {
        let input =
            wire::GetSecurityGroupsForVpcRequest { vpc_id: Some(vpc.clone()), filters, ..Default::default() };
        get_security_groups_for_vpc::get_security_groups_for_vpc(harness.context(), input)
    };
    assert_eq!(list(None).await.unwrap().security_group_for_vpcs.unwrap().len(), 2);
    let found = list(filter("group-name", &["web"])).await.unwrap().security_group_for_vpcs.unwrap();
    assert_eq!(found[0].group_id, Some(web));
    assert_eq!(found[0].primary_vpc_id, Some(vpc.clone()));
}
