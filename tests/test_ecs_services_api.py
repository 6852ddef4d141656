"""Services as boto3 and its waiters use them: what the API answers, whether or not tasks come up."""

import uuid

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def ecs(client):
    return client("ecs")


@pytest.fixture
def cluster(ecs):
    """A cluster of the test's own, without its services afterwards."""
    name = f"services-{uuid.uuid4().hex[:8]}"
    ecs.create_cluster(clusterName=name, capacityProviders=["FARGATE", "FARGATE_SPOT"])
    yield name
    for arn in ecs.list_services(cluster=name, maxResults=100)["serviceArns"]:
        ecs.delete_service(cluster=name, service=arn, force=True)
        wait_until_inactive(ecs, name, arn)
    ecs.delete_cluster(cluster=name)


@pytest.fixture
def family(ecs):
    name = f"services-{uuid.uuid4().hex[:8]}"
    register(ecs, name)
    return name


@pytest.fixture
def network(client):
    subnets = client("ec2").describe_subnets()["Subnets"]
    return {"awsvpcConfiguration": {"subnets": [subnets[0]["SubnetId"]], "assignPublicIp": "ENABLED"}}


@pytest.fixture
def create(ecs, cluster, family, network):
    """Makes a service of no tasks."""

    def make(**changes):
        given = {
            "cluster": cluster,
            "serviceName": "web",
            "taskDefinition": family,
            "desiredCount": 0,
            "launchType": "FARGATE",
            "networkConfiguration": network,
        }
        given.update(changes)
        return ecs.create_service(**{name: value for name, value in given.items() if value is not None})["service"]

    return make


def register(ecs, family: str) -> str:
    definition = ecs.register_task_definition(
        family=family,
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "nginx", "portMappings": [{"containerPort": 80}]}],
    )
    return definition["taskDefinition"]["taskDefinitionArn"]


def wait_until_inactive(ecs, cluster: str, service: str):
    waiter = ecs.get_waiter("services_inactive")
    waiter.wait(cluster=cluster, services=[service], WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def refusal(call, **arguments) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


def test_a_service_is_told_whole(ecs, cluster, family, create):
    made = create(tags=[{"key": "team", "value": "a"}])
    assert made["status"] == "ACTIVE"
    assert made["deployments"][0]["status"] == "PRIMARY"
    assert made["deployments"][0]["id"].startswith("ecs-svc/")
    assert made["currentServiceRevisions"][0]["arn"].rsplit("/", 1)[1] in made["deployments"][0]["id"]
    assert made["taskDefinition"].endswith(f"task-definition/{family}:1")
    (told,) = ecs.describe_services(cluster=cluster, services=["web"], include=["TAGS"])["services"]
    assert told["tags"] == [{"key": "team", "value": "a"}]
    assert told["serviceArn"] == made["serviceArn"]
    (counted,) = ecs.describe_clusters(clusters=[cluster])["clusters"]
    assert counted["activeServicesCount"] == 1
    assert ecs.list_tasks(cluster=cluster, serviceName="web")["taskArns"] == []


def test_updates_deploy_only_what_tasks_are_made_from(ecs, cluster, family, create):
    create()
    first = ecs.describe_services(cluster=cluster, services=["web"])["services"][0]["currentServiceDeployment"]
    same = ecs.update_service(
        cluster=cluster,
        service="web",
        healthCheckGracePeriodSeconds=5,
        deploymentConfiguration={"maximumPercent": 150, "minimumHealthyPercent": 50},
    )["service"]
    assert same["currentServiceDeployment"] == first
    assert same["deploymentConfiguration"]["maximumPercent"] == 150
    newer = register(ecs, family)
    deployed = ecs.update_service(cluster=cluster, service="web", taskDefinition=family)["service"]
    assert deployed["taskDefinition"] == newer
    assert deployed["currentServiceDeployment"] != first
    forced = ecs.update_service(cluster=cluster, service="web", forceNewDeployment=True)["service"]
    listed = ecs.list_service_deployments(cluster=cluster, service="web")["serviceDeployments"]
    assert [item["serviceDeploymentArn"] for item in listed][0] == forced["currentServiceDeployment"]
    assert len(listed) == 3
    arns = [item["serviceDeploymentArn"] for item in listed]
    described = ecs.describe_service_deployments(serviceDeploymentArns=arns)
    assert described["failures"] == []
    assert [item["serviceDeploymentArn"] for item in described["serviceDeployments"]] == arns
    target = listed[0]["targetServiceRevisionArn"]
    (revision,) = ecs.describe_service_revisions(serviceRevisionArns=[target])["serviceRevisions"]
    assert revision["taskDefinition"] == newer
    assert revision["containerImages"][0]["image"] == "nginx"


def test_deleting_waits_for_the_count(ecs, cluster, create):
    create(desiredCount=1)
    assert refusal(ecs.delete_service, cluster=cluster, service="web") == (
        "InvalidParameterException",
        "The service cannot be stopped while it is scaled above 0.",
    )
    assert refusal(ecs.delete_cluster, cluster=cluster) == (
        "ClusterContainsServicesException",
        "The Cluster cannot be deleted while Services are active.",
    )
    ecs.update_service(cluster=cluster, service="web", desiredCount=0)
    assert ecs.delete_service(cluster=cluster, service="web")["service"]["status"] == "DRAINING"
    wait_until_inactive(ecs, cluster, "web")
    assert ecs.list_services(cluster=cluster)["serviceArns"] == []
    assert create()["status"] == "ACTIVE", "the name is free again"


def test_the_same_service_is_made_once(create, ecs):
    made = create(clientToken="once")
    assert create(clientToken="once")["serviceArn"] == made["serviceArn"]
    with pytest.raises(ClientError) as error:
        create(desiredCount=3)
    assert error.value.response["Error"]["Message"] == "Creation of service was not idempotent."


def test_services_come_in_pages(ecs, cluster, create):
    arns = sorted(create(serviceName=f"web-{index:02}")["serviceArn"] for index in range(11))
    pages = list(ecs.get_paginator("list_services").paginate(cluster=cluster))
    assert [len(page["serviceArns"]) for page in pages] == [10, 1]
    assert sorted(arn for page in pages for arn in page["serviceArns"]) == arns


def test_strategies_name_providers_of_the_cluster(ecs, cluster, create):
    strategy = [
        {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0},
    ]
    made = create(launchType=None, capacityProviderStrategy=strategy)
    assert made["capacityProviderStrategy"] == strategy
    assert "launchType" not in made
    code, _ = refusal(
        ecs.put_cluster_capacity_providers,
        cluster=cluster,
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=[],
    )
    assert code == "ResourceInUseException"


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"launchType": "EC2"}, "UnsupportedFeatureException"),
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "UnsupportedFeatureException"),
        ({"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1}}, "UnsupportedFeatureException"),
        ({"enableExecuteCommand": True}, "UnsupportedFeatureException"),
        ({"schedulingStrategy": "DAEMON", "desiredCount": None}, "InvalidParameterException"),
        ({"taskDefinition": "nothing"}, "ClientException"),
        ({"networkConfiguration": None}, "InvalidParameterException"),
        ({"cluster": "nowhere"}, "ClusterNotFoundException"),
    ],
)
def test_what_can_not_be_is_refused(create, changes, code):
    with pytest.raises(ClientError) as error:
        create(**changes)
    assert error.value.response["Error"]["Code"] == code


def test_services_that_are_not_there(ecs, cluster):
    for call in (ecs.update_service, ecs.delete_service):
        assert refusal(call, cluster=cluster, service="no") == ("ServiceNotFoundException", "Service not found.")
    (failure,) = ecs.describe_services(cluster=cluster, services=["no"])["failures"]
    assert failure["reason"] == "MISSING"
    assert failure["arn"].endswith(f"service/{cluster}/no")


def test_a_target_group_needs_a_load_balancer(client, create):
    elb = client("elbv2")
    vpc = client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    name = f"svc-{uuid.uuid4().hex[:8]}"
    made = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    balancer = {"targetGroupArn": arn, "containerName": "app", "containerPort": 80}
    with pytest.raises(ClientError) as error:
        create(loadBalancers=[balancer])
    message = f"The target group with targetGroupArn {arn} does not have an associated load balancer."
    assert error.value.response["Error"]["Message"] == message
    elb.delete_target_group(TargetGroupArn=arn)
