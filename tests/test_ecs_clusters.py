"""ECS clusters, account settings and tags as boto3 uses them."""

import uuid

import pytest
from botocore.exceptions import ClientError

SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]


@pytest.fixture
def ecs(client):
    return client("ecs")


@pytest.fixture
def cluster(ecs):
    """A cluster of the test's own, gone afterwards."""
    name = f"tests-{uuid.uuid4().hex[:8]}"
    ecs.create_cluster(clusterName=name)
    yield name
    ecs.delete_cluster(cluster=name)


def code(error) -> str:
    return error.value.response["Error"]["Code"]


def test_the_default_cluster_is_there(ecs):
    (found,) = ecs.describe_clusters()["clusters"]
    assert found["clusterName"] == "default"
    assert found["clusterArn"] == "arn:aws:ecs:us-east-1:000000000000:cluster/default"
    assert found["status"] == "ACTIVE"
    assert found["clusterArn"] in ecs.list_clusters()["clusterArns"]


def test_every_region_has_its_own(client):
    (found,) = client("ecs", "eu-west-1").describe_clusters()["clusters"]
    assert found["clusterArn"] == "arn:aws:ecs:eu-west-1:000000000000:cluster/default"


def test_a_cluster_is_made_once(ecs, cluster):
    first = ecs.create_cluster(clusterName=cluster)["cluster"]
    assert first == ecs.create_cluster(clusterName=cluster)["cluster"]
    assert first["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    assert first["capacityProviders"] == []


def test_deleting_leaves_an_inactive_cluster(ecs):
    name = f"tests-{uuid.uuid4().hex[:8]}"
    arn = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
    assert ecs.delete_cluster(cluster=arn)["cluster"]["status"] == "INACTIVE"
    assert ecs.describe_clusters(clusters=[name])["clusters"][0]["status"] == "INACTIVE"
    assert arn not in ecs.list_clusters()["clusterArns"]
    with pytest.raises(ClientError) as error:
        ecs.update_cluster_settings(cluster=name, settings=[{"name": "containerInsights", "value": "enabled"}])
    assert code(error) == "InvalidParameterException"
    assert ecs.create_cluster(clusterName=name)["cluster"]["status"] == "ACTIVE"
    ecs.delete_cluster(cluster=name)


def test_what_is_missing_is_a_failure_or_an_error(ecs):
    answer = ecs.describe_clusters(clusters=["no-such-cluster"])
    assert answer["clusters"] == []
    arn = "arn:aws:ecs:us-east-1:000000000000:cluster/no-such-cluster"
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    with pytest.raises(ecs.exceptions.ClusterNotFoundException) as error:
        ecs.list_tasks(cluster="no-such-cluster")
    assert error.value.response["Error"]["Message"] == "Cluster not found."
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_settings_and_capacity_providers(ecs, cluster):
    settings = [{"name": "containerInsights", "value": "enhanced"}]
    assert ecs.update_cluster_settings(cluster=cluster, settings=settings)["cluster"]["settings"] == settings
    changed = ecs.put_cluster_capacity_providers(
        cluster=cluster, capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=SPOT
    )["cluster"]
    assert changed["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert changed["defaultCapacityProviderStrategy"] == SPOT
    (shown,) = ecs.describe_clusters(clusters=[cluster], include=["SETTINGS", "STATISTICS", "TAGS"])["clusters"]
    assert shown["settings"] == settings
    assert {"name": "runningFargateTasksCount", "value": "0"} in shown["statistics"]
    providers = ecs.describe_capacity_providers()["capacityProviders"]
    assert {one["name"] for one in providers} == {"FARGATE", "FARGATE_SPOT"}


def test_exec_configuration_comes_back(ecs, cluster):
    configuration = {
        "executeCommandConfiguration": {
            "logging": "OVERRIDE",
            "logConfiguration": {
                "cloudWatchLogGroupName": "exec",
                "cloudWatchEncryptionEnabled": False,
                "s3EncryptionEnabled": False,
            },
        }
    }
    ecs.update_cluster(cluster=cluster, configuration=configuration)
    (shown,) = ecs.describe_clusters(clusters=[cluster], include=["CONFIGURATIONS"])["clusters"]
    assert shown["configuration"] == configuration
    with pytest.raises(ClientError) as error:
        ecs.update_cluster(cluster=cluster, configuration={"executeCommandConfiguration": {"logging": "OVERRIDE"}})
    assert code(error) == "InvalidParameterException"


def test_tags(ecs, cluster):
    arn = ecs.describe_clusters(clusters=[cluster])["clusters"][0]["clusterArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    with pytest.raises(ClientError) as error:
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "aws:mine", "value": "1"}])
    assert code(error) == "InvalidParameterException"


def test_listings_come_in_pages(ecs):
    names = [f"tests-page-{number}" for number in range(3)]
    for name in names:
        ecs.create_cluster(clusterName=name)
    pages = list(ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 1}))
    arns = [arn for page in pages for arn in page["clusterArns"]]
    assert all(len(page["clusterArns"]) <= 1 for page in pages)
    assert {f"arn:aws:ecs:us-east-1:000000000000:cluster/{name}" for name in names} <= set(arns)
    for name in names:
        ecs.delete_cluster(cluster=name)


def test_account_settings(ecs):
    setting = ecs.put_account_setting(name="defaultLogDriverMode", value="blocking")["setting"]
    assert setting["principalArn"] == "arn:aws:iam::000000000000:root"
    listed = ecs.list_account_settings(name="defaultLogDriverMode")["settings"]
    assert [one["value"] for one in listed] == ["blocking"]
    ecs.delete_account_setting(name="defaultLogDriverMode")
    assert ecs.list_account_settings(name="defaultLogDriverMode")["settings"] == []
    effective = ecs.list_account_settings(effectiveSettings=True)["settings"]
    values = {one["name"]: one["value"] for one in effective}
    assert values["taskLongArnFormat"] == "enabled"
    assert values["defaultLogDriverMode"] == "non-blocking"
    with pytest.raises(ClientError) as error:
        ecs.put_account_setting(name="containerInsights", value="perhaps")
    assert code(error) == "InvalidParameterException"


def test_there_are_no_container_instances_and_services(ecs):
    assert ecs.list_container_instances()["containerInstanceArns"] == []
    assert ecs.list_services()["serviceArns"] == []
    (failure,) = ecs.describe_services(services=["web"])["failures"]
    assert failure == {"arn": "arn:aws:ecs:us-east-1:000000000000:service/default/web", "reason": "MISSING"}
