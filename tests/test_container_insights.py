"""Container Insights: metrics and performance log events, once a minute."""

import json

import pytest

from metric_lab import values
from waiting import until

NAMESPACE = "ECS/ContainerInsights"
# A minute's events come right after its end.
MINUTE_AND_MORE = 70


@pytest.fixture(scope="module")
def clusters(client):
    ecs = client("ecs")
    for name, value in {"seen": "enabled", "seen-well": "enhanced", "unseen": "disabled"}.items():
        ecs.create_cluster(clusterName=name, settings=[{"name": "containerInsights", "value": value}])
    return ["seen", "seen-well", "unseen"]


def group(cluster: str) -> str:
    return f"/aws/ecs/containerinsights/{cluster}/performance"


def events(logs, cluster: str) -> list[dict]:
    try:
        found = logs.filter_log_events(logGroupName=group(cluster))["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(event["message"]) for event in found]


def of_kind(logs, cluster: str, kind: str) -> list[dict]:
    return [event for event in events(logs, cluster) if event["Type"] == kind]


@pytest.mark.slow
def test_a_minute_of_clusters(services, client, clusters):
    ecs = client("ecs")
    command = ["/bin/busybox", "sh", "-c", "while true; do :; done"]
    definition = services.define(command=command, portMappings=[], memoryReservation=128, cpu=64)
    names = {cluster: services.name("service") for cluster in clusters}
    for cluster, name in names.items():
        ecs.create_service(
            cluster=cluster, serviceName=name, taskDefinition=definition, desiredCount=1, launchType="FARGATE",
            networkConfiguration=services.network(),
        )
    try:
        check_minute(services, client, clusters, names, definition)
    finally:
        for cluster, name in names.items():
            ecs.delete_service(cluster=cluster, service=name, force=True)
        until(lambda: not any(ecs.list_tasks(cluster=cluster)["taskArns"] for cluster in clusters), "no tasks")


def check_minute(services, client, clusters: list[str], names: dict[str, str], definition: str) -> None:
    ecs, logs, cloudwatch = client("ecs"), client("logs"), client("cloudwatch")
    family, revision = definition.rsplit("/", 1)[1].split(":")
    # Of a whole minute, or of a part of one.
    until(
        lambda: all(of_kind(logs, cluster, "Task") for cluster in clusters[:2]), "events of tasks", MINUTE_AND_MORE, every=0.5
    )
    (task_arn,) = ecs.list_tasks(cluster="seen")["taskArns"]
    task = of_kind(logs, "seen", "Task")[-1]
    assert task["TaskId"] == task_arn.rsplit("/", 1)[1]
    assert (task["Version"], task["ClusterName"], task["ServiceName"]) == ("0", "seen", names["seen"])
    assert (task["TaskDefinitionFamily"], task["TaskDefinitionRevision"]) == (family, revision)
    assert (task["KnownStatus"], task["LaunchType"], task["Region"]) == ("RUNNING", "FARGATE", "us-east-1")
    assert (task["CpuReserved"], task["MemoryReserved"], task["EphemeralStorageReserved"]) == (256, 512, 20)
    assert 0 < task["CpuUtilized"] < 300 and 0 < task["MemoryUtilized"] < 50
    assert task["Timestamp"] % 60_000 == 0 and task["StartedAt"] >= task["CreatedAt"]
    (described,) = task["CloudWatchMetrics"]
    assert described["Namespace"] == NAMESPACE
    assert described["Dimensions"] == [["ClusterName"], ["ClusterName", "TaskDefinitionFamily"], ["ClusterName", "ServiceName"]]
    assert {"Name": "CpuUtilized", "Unit": "None"} in described["Metrics"]
    container = of_kind(logs, "seen", "Container")[-1]
    assert (container["ContainerName"], container["Image"]) == ("web", services.image)
    assert (container["CpuReserved"], container["MemoryReserved"]) == (64, 128)
    assert container["ContainerKnownStatus"] == "RUNNING" and "CloudWatchMetrics" not in container
    service = of_kind(logs, "seen", "Service")[-1]
    assert {key: service[key] for key in service if key.endswith("Count")} == {
        "DesiredTaskCount": 1, "RunningTaskCount": 1, "PendingTaskCount": 0, "DeploymentCount": 1, "TaskSetCount": 0,
    }
    whole = of_kind(logs, "seen", "Cluster")[-1]
    assert (whole["TaskCount"], whole["ServiceCount"], whole["ContainerInstanceCount"]) == (1, 1, 0)
    (made,) = logs.describe_log_groups(logGroupNamePrefix=group("seen"))["logGroups"]
    assert made["retentionInDays"] == 1
    check_metrics(cloudwatch, names, family)
    assert events(logs, "unseen") == []
    assert values(cloudwatch, NAMESPACE, "TaskCount", "Sum", period=60, ClusterName="unseen") == []
    used = values(cloudwatch, "AWS/Usage", "ResourceCount", "Maximum", period=60,
                  Service="Fargate", Type="Resource", Resource="vCPU", Class="Standard/OnDemand")
    assert max(used) >= 0.75


def check_metrics(cloudwatch, names: dict[str, str], family: str) -> None:
    def newest(name: str, stat: str = "Maximum", **dimensions: str) -> float:
        return values(cloudwatch, NAMESPACE, name, stat, period=60, **dimensions)[-1]

    of_service = {"ClusterName": "seen", "ServiceName": names["seen"]}
    assert newest("RunningTaskCount", **of_service) == 1
    assert newest("CpuReserved", **of_service) == newest("CpuReserved", ClusterName="seen") == 256
    assert newest("CpuUtilized", ClusterName="seen", TaskDefinitionFamily=family) > 0
    assert newest("TaskCount", ClusterName="seen") == 1
    enhanced = {"ClusterName": "seen-well", "ServiceName": names["seen-well"]}
    assert newest("TaskCpuUtilization", **enhanced) > 0
    assert newest("ContainerMemoryReserved", **enhanced, ContainerName="web") == 128
    assert values(cloudwatch, NAMESPACE, "TaskCpuUtilization", "Maximum", period=60, **of_service) == []
