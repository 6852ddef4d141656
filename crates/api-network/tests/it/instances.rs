//! What tools ask about instances, of which there are none.

use api_network::ec2::{
    describe_account_attributes, describe_images, describe_instance_type_offerings, describe_instance_types,
    describe_instances,
};
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, code_of, filter};

#[tokio::test]
async fn there_are_no_instances_and_no_images() {
    let harness = Harness::new().await;
    let input = wire::DescribeInstancesRequest {
        filters: filter("instance-state-name", &["running"]),
        ..Default::default()
    };
    let found = describe_instances::describe_instances(harness.context(), input).await.unwrap();
    assert_eq!(found.reservations, Some(Vec::new()));
    let named = |id: &str| {
        let input =
            wire::DescribeInstancesRequest { instance_ids: Some(vec![id.into()]), ..Default::default() };
        describe_instances::describe_instances(harness.context(), input)
    };
    assert_eq!(code_of(named("i-0123456789abcdef0").await), "InvalidInstanceID.NotFound");
    assert_eq!(code_of(named("web").await), "InvalidInstanceID.Malformed");
    let input = wire::DescribeImagesRequest { owners: Some(vec!["amazon".into()]), ..Default::default() };
    let found = describe_images::describe_images(harness.context(), input).await.unwrap();
    assert_eq!(found.images, Some(Vec::new()));
    let input =
        wire::DescribeImagesRequest { image_ids: Some(vec!["ami-12345678".into()]), ..Default::default() };
    let answer = describe_images::describe_images(harness.context(), input).await;
    assert_eq!(code_of(answer), "InvalidAMIID.NotFound");
    let input = wire::DescribeAccountAttributesRequest::default();
    let found = describe_account_attributes::describe_account_attributes(harness.context(), input).await;
    let names: Vec<_> = found.unwrap().account_attributes.unwrap();
    assert!(names.iter().any(|one| one.attribute_name.as_deref() == Some("vpc-max-elastic-ips")));
}

#[tokio::test]
async fn types_have_facts() {
    let harness = Harness::new().await;
    let ask = |input: wire::DescribeInstanceTypesRequest| {
        describe_instance_types::describe_instance_types(harness.context(), input)
    };
    let named = |name: &str| wire::DescribeInstanceTypesRequest {
        instance_types: Some(vec![wire::InstanceType::from(name)]),
        ..Default::default()
    };
    let found = ask(named("m5.large")).await.unwrap().instance_types.unwrap();
    assert_eq!(found[0].v_cpu_info.as_ref().unwrap().default_v_cpus, Some(2));
    assert_eq!(found[0].memory_info.as_ref().unwrap().size_in_mib, Some(8192));
    assert_eq!(code_of(ask(named("m0.large")).await), "InvalidInstanceType");
    let arm = wire::DescribeInstanceTypesRequest {
        filters: filter("processor-info.supported-architecture", &["arm64"]),
        max_results: Some(5),
        ..Default::default()
    };
    let first = ask(arm.clone()).await.unwrap();
    let next = wire::DescribeInstanceTypesRequest { next_token: first.next_token.clone(), ..arm };
    let second = ask(next).await.unwrap();
    let count = |page: wire::DescribeInstanceTypesResult| page.instance_types.unwrap().len();
    assert_eq!((count(first), count(second)), (5, 2));

    let input = wire::DescribeInstanceTypeOfferingsRequest {
        location_type: Some(wire::LocationType::AvailabilityZone),
        filters: filter("instance-type", &["t3.micro"]),
        ..Default::default()
    };
    let found = describe_instance_type_offerings::describe_instance_type_offerings(harness.context(), input);
    let found = found.await.unwrap().instance_type_offerings.unwrap();
    assert!(found.len() >= 3 && found.iter().all(|one| one.location.is_some()), "{found:?}");
}
