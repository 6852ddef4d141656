//! Sets of DHCP options, and the one that a region begins with.

use api_network::ec2 as handlers;
use state_model::ec2::Vpc;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, refused};
use crate::network_kit as kit;

async fn create(harness: &Harness, options: &[(&str, &[&str])]) -> Result<String, ServiceError> {
    let configurations = options.iter().map(|(key, values)| wire::NewDhcpConfiguration {
        key: Some((*key).to_owned()),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    });
    let input = wire::CreateDhcpOptionsRequest {
        dhcp_configurations: Some(configurations.collect()),
        ..Default::default()
    };
    let made = handlers::create_dhcp_options::create_dhcp_options(harness.context(), input).await?;
    Ok(made.dhcp_options.unwrap().dhcp_options_id.unwrap())
}

async fn associate(harness: &Harness, options_id: &str, vpc_id: &str) -> Result<(), ServiceError> {
    let input = wire::AssociateDhcpOptionsRequest {
        dhcp_options_id: Some(options_id.into()),
        vpc_id: Some(vpc_id.into()),
        dry_run: None,
    };
    handlers::associate_dhcp_options::associate_dhcp_options(harness.context(), input).await.map(drop)
}

async fn delete(harness: &Harness, id: &str) -> Result<(), ServiceError> {
    let input = wire::DeleteDhcpOptionsRequest { dhcp_options_id: Some(id.into()), dry_run: None };
    handlers::delete_dhcp_options::delete_dhcp_options(harness.context(), input).await.map(drop)
}

async fn describe(
    harness: &Harness,
    input: wire::DescribeDhcpOptionsRequest,
) -> Result<Vec<wire::DhcpOptions>, ServiceError> {
    let found = handlers::describe_dhcp_options::describe_dhcp_options(harness.context(), input).await?;
    Ok(found.dhcp_options.unwrap())
}

fn shown(options: &wire::DhcpOptions) -> Vec<(String, Vec<String>)> {
    let configurations = options.dhcp_configurations.iter().flatten();
    let values = |one: &wire::DhcpConfiguration| {
        one.values.iter().flatten().map(|value| value.value.clone().unwrap()).collect()
    };
    configurations.map(|one| (one.key.clone().unwrap(), values(one))).collect()
}

fn text(key: &str, value: &str) -> (String, Vec<String>) {
    (key.to_owned(), vec![value.to_owned()])
}

/// The VPC as versions of the program wrote it that had no records of DHCP options.
async fn make_legacy(harness: &Harness) -> String {
    let view = harness.state.view();
    let row = view.vpcs.get(&harness.scope.key(&harness.default_vpc())).unwrap();
    let legacy = Vpc { dhcp_options_id: String::from("dopt-0123456789abcdef0"), ..Vpc::clone(row) };
    let (_, options) = view.dhcp_options.prefix("").next().unwrap();
    harness
        .write(|transaction| {
            transaction.update(row, &legacy);
            transaction.delete(options);
        })
        .await;
    legacy.dhcp_options_id
}

#[tokio::test]
async fn a_region_begins_with_its_options() {
    let harness = Harness::new().await;
    let found = describe(&harness, Default::default()).await.unwrap();
    assert_eq!(found.len(), 1);
    let expected = [text("domain-name", "ec2.internal"), text("domain-name-servers", "AmazonProvidedDNS")];
    assert_eq!(shown(&found[0]), expected);
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let view = harness.state.view();
    let vpc = view.vpcs.get(&harness.scope.key(&vpc_id)).unwrap();
    assert_eq!(Some(&vpc.dhcp_options_id), found[0].dhcp_options_id.as_ref());
    let message =
        format!("The dhcpOptions '{}' has dependencies and cannot be deleted.", vpc.dhcp_options_id);
    refused(delete(&harness, &vpc.dhcp_options_id).await, "DependencyViolation", &message);
}

#[tokio::test]
async fn options_come_and_go() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let options: [(&str, &[&str]); 2] =
        [("domain-name", &["example.com"]), ("domain-name-servers", &["10.0.0.9", "10.0.0.10"])];
    let id = create(&harness, &options).await.unwrap();
    associate(&harness, &id, &vpc_id).await.unwrap();
    let by_value =
        wire::DescribeDhcpOptionsRequest { filters: filter("value", &["10.0.0.1?"]), ..Default::default() };
    let found = describe(&harness, by_value).await.unwrap();
    assert_eq!(found[0].dhcp_options_id.as_ref(), Some(&id));
    assert_eq!(shown(&found[0])[1].1, ["10.0.0.9", "10.0.0.10"]);
    assert_eq!(delete(&harness, &id).await.unwrap_err().code, "DependencyViolation");
    associate(&harness, "default", &vpc_id).await.unwrap();
    let view = harness.state.view();
    assert_eq!(view.vpcs.get(&harness.scope.key(&vpc_id)).unwrap().dhcp_options_id, "default");
    delete(&harness, &id).await.unwrap();
    let message = format!("The dhcpOption ID '{id}' does not exist");
    refused(delete(&harness, &id).await, "InvalidDhcpOptionID.NotFound", &message);
    refused(associate(&harness, &id, &vpc_id).await, "InvalidDhcpOptionID.NotFound", &message);
    let by_id = wire::DescribeDhcpOptionsRequest { dhcp_options_ids: Some(vec![id]), ..Default::default() };
    refused(describe(&harness, by_id).await, "InvalidDhcpOptionID.NotFound", &message);
    let answer = create(&harness, &[("colour", &["red"])]).await;
    let message = "Value (colour) for parameter name is invalid. Unknown DHCP option";
    refused(answer, "InvalidParameterValue", message);
    assert_eq!(create(&harness, &[]).await.unwrap_err().code, "MissingParameter");
}

#[tokio::test]
async fn options_without_a_record_are_shown() {
    let harness = Harness::new().await;
    let legacy = make_legacy(&harness).await;
    let by_id = || wire::DescribeDhcpOptionsRequest {
        dhcp_options_ids: Some(vec![legacy.clone()]),
        ..Default::default()
    };
    for input in [by_id(), Default::default()] {
        let found = describe(&harness, input).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(shown(&found[0])[0], text("domain-name", "ec2.internal"));
    }
    // A new VPC has the same, which is written down now.
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    kit::vpc(&harness, "10.0.0.0/16").await;
    let view = harness.state.view();
    assert_eq!(view.vpcs.get(&harness.scope.key(&vpc_id)).unwrap().dhcp_options_id, legacy);
    assert_eq!(view.dhcp_options.len(), 1);
}

#[tokio::test]
async fn options_without_a_record_outlive_their_vpc_s_choice() {
    let harness = Harness::new().await;
    let legacy = make_legacy(&harness).await;
    let vpc_id = harness.default_vpc();
    associate(&harness, "default", &vpc_id).await.unwrap();
    associate(&harness, &legacy, &vpc_id).await.unwrap();
    assert_eq!(harness.state.view().dhcp_options.len(), 1);
}

#[tokio::test]
async fn options_in_use_are_never_deleted() {
    for _ in 0..10 {
        let harness = Harness::new().await;
        let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
        let id = create(&harness, &[("domain-name", &["example.com"])]).await.unwrap();
        let (associated, deleted) = tokio::join!(associate(&harness, &id, &vpc_id), delete(&harness, &id));
        assert_ne!(associated.is_ok(), deleted.is_ok(), "exactly one of them can be");
    }
}
