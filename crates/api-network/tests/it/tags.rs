//! Tags of everything.

use api_network::ec2::{create_tags, delete_tags, describe_security_groups, describe_tags};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, refused, tag};

async fn create(harness: &Harness, ids: &[&str], tags: Vec<wire::Tag>) -> Result<(), ServiceError> {
    let resources = Some(ids.iter().map(|id| (*id).to_owned()).collect());
    let input = wire::CreateTagsRequest { resources, tags: Some(tags), dry_run: None };
    create_tags::create_tags(harness.context(), input).await.map(drop)
}

async fn delete(harness: &Harness, id: &str, tags: Option<Vec<wire::Tag>>) {
    let input = wire::DeleteTagsRequest { resources: Some(vec![id.into()]), tags, dry_run: None };
    delete_tags::delete_tags(harness.context(), input).await.unwrap();
}

async fn all(harness: &Harness, filters: Option<Vec<wire::Filter>>) -> Vec<(String, String, String)> {
    let input = wire::DescribeTagsRequest { filters, ..Default::default() };
    let tags = describe_tags::describe_tags(harness.context(), input).await.unwrap().tags.unwrap();
    let mut found: Vec<_> = tags
        .into_iter()
        .map(|tag| (tag.resource_type.unwrap().to_string(), tag.key.unwrap(), tag.value.unwrap()))
        .collect();
    found.sort();
    found
}

fn triple(kind: &str, key: &str, value: &str) -> (String, String, String) {
    (kind.to_owned(), key.to_owned(), value.to_owned())
}

#[tokio::test]
async fn tags_come_and_go() {
    let harness = Harness::new().await;
    let (vpc, group) = (harness.default_vpc(), harness.default_group());
    let rule = {
        let view = harness.state.view();
        view.security_groups.get(&harness.scope.key(&group)).unwrap().rules[0].id.clone()
    };
    create(&harness, &[&vpc, &group, &rule], vec![tag("team", "blue"), tag("stage", "test")]).await.unwrap();
    create(&harness, &[&group], vec![tag("team", "red")]).await.unwrap();
    let expected = [
        triple("security-group", "team", "red"),
        triple("security-group-rule", "team", "blue"),
        triple("vpc", "team", "blue"),
    ];
    assert_eq!(all(&harness, filter("key", &["team"])).await, expected);
    let expected =
        [triple("security-group-rule", "stage", "test"), triple("security-group-rule", "team", "blue")];
    assert_eq!(all(&harness, filter("resource-type", &["security-group-rule"])).await, expected);
    let input =
        wire::DescribeSecurityGroupsRequest { filters: filter("tag:team", &["red"]), ..Default::default() };
    let found = describe_security_groups::describe_security_groups(harness.context(), input).await.unwrap();
    assert_eq!(found.security_groups.unwrap().len(), 1);

    // With another value, the tag stays.
    delete(&harness, &group, Some(vec![tag("team", "green")])).await;
    delete(&harness, &group, Some(vec![wire::Tag { key: Some("stage".into()), value: None }])).await;
    assert_eq!(
        all(&harness, filter("resource-id", &[&group])).await,
        [triple("security-group", "team", "red")]
    );
    delete(&harness, &vpc, None).await;
    assert_eq!(all(&harness, filter("resource-id", &[&vpc])).await, []);
}

#[tokio::test]
async fn wrong_tags_are_refused() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let answer = create(&harness, &["web"], vec![tag("a", "b")]).await;
    refused(answer, "InvalidID", "The ID 'web' is not valid");
    let answer = create(&harness, &[&vpc, "sg-00000000000000000"], vec![tag("a", "b")]).await;
    refused(answer, "InvalidGroup.NotFound", "The security group 'sg-00000000000000000' does not exist");
    let many = (0..51).map(|number| tag(&number.to_string(), "")).collect();
    assert_eq!(create(&harness, &[&vpc], many).await.unwrap_err().code, "TagLimitExceeded");
    for wrong in [vec![tag("aws:x", "")], vec![tag("", "")], vec![tag("a", "1"), tag("a", "2")]] {
        assert_eq!(create(&harness, &[&vpc], wrong).await.unwrap_err().code, "InvalidParameterValue");
    }
    assert_eq!(all(&harness, None).await, [], "all or none");
}
