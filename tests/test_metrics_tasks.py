"""What the tasks of services use: AWS/ECS."""

import threading

import pytest
from botocore.exceptions import ClientError

from conftest import execution_role_of, pusher
from metric_lab import until_values, values
from service_lab import ServiceLab
from waiting import until

BUSY = "while true; do :; done"
IDLE = "trap 'exit 0' TERM; sleep 1000 & wait"
# `tail` keeps a line until its end comes, which it never does.
HOG = f"(head -c 200000000 /dev/zero; sleep 1000) | tail -n 1 & {IDLE}"


@pytest.fixture(scope="module")
def cloudwatch(client):
    return client("cloudwatch")


@pytest.fixture(scope="module")
def loads(shared_service_lab, client):
    """A service of each kind, by the kind's name: all on one server at the same time."""
    lab = shared_service_lab
    made = {}
    for kind, script in {"busy": BUSY, "idle": IDLE, "hog": HOG}.items():
        command = ["/bin/busybox", "sh", "-c", script]
        made[kind] = lab.service(lab.define(command=command, portMappings=[]), count=1)
    for service in made.values():
        service.stable()
    yield {kind: service.name for kind, service in made.items()}
    lab.clean()


def of(service: str) -> dict:
    return {"ClusterName": "default", "ServiceName": service}


def test_a_busy_task_uses_what_it_has_reserved_and_an_idle_one_nothing(cloudwatch, loads):
    busy = until_values(cloudwatch, 5, "AWS/ECS", "CPUUtilization", "Average", **of(loads["busy"]))
    # Bursts within a tenth of a second may fall to either side of a reading.
    assert 80 < sum(busy[-4:]) / 4 < 115, busy
    idle = until_values(cloudwatch, 5, "AWS/ECS", "CPUUtilization", "Average", **of(loads["idle"]))
    assert max(idle[1:]) < 5, idle


def test_memory_is_a_share_of_the_reservation(cloudwatch, loads):
    find = lambda: values(cloudwatch, "AWS/ECS", "MemoryUtilization", "Maximum", **of(loads["hog"]))  # noqa: E731
    hog = until(lambda: (found := find()) and found[-1] > 36 and found, "the hog's memory", 20)
    # 200 MB of 512 MiB.
    assert 36 < hog[-1] < 50, hog
    idle = until_values(cloudwatch, 3, "AWS/ECS", "MemoryUtilization", "Average", **of(loads["idle"]))
    assert 0 < max(idle) < 10, idle


def test_each_task_is_one_sample_per_second(cloudwatch, loads):
    found = until_values(cloudwatch, 4, "AWS/ECS", "CPUUtilization", "SampleCount", **of(loads["idle"]))
    # A timer that fires a little late may leave a second out and give the next one two.
    assert set(found) <= {1.0, 2.0} and found.count(1.0) >= len(found) - 2, found
    assert values(cloudwatch, "AWS/ECS", "CPUUtilization", "Sum", ClusterName="default") == [], "of EC2 capacity only"


def test_live_tasks_are_counted(cloudwatch, loads):
    found = until_values(cloudwatch, 1, "AWS/ECS", "LiveTaskCount", "Maximum", seconds=15, **of(loads["busy"]))
    assert set(found) == {1.0}


@pytest.mark.slow
def test_nothing_is_made_up_for_the_time_without_a_server(own_server):
    server, lab = own_server
    cloudwatch = server.client("cloudwatch")
    service = lab.service(lab.define(command=["/bin/busybox", "sh", "-c", BUSY], portMappings=[]), count=1)
    service.stable()
    until_values(cloudwatch, 3, "AWS/ECS", "CPUUtilization", "Average", **of(service.name))
    server.kill()
    threading.Event().wait(4)
    server.up()
    before = len(values(cloudwatch, "AWS/ECS", "CPUUtilization", "Average", **of(service.name)))
    found = until_values(cloudwatch, before + 3, "AWS/ECS", "CPUUtilization", "Average", **of(service.name))
    # The four seconds' use isn't laid to the first second after them.
    assert max(found) < 130, found


@pytest.fixture
def own_server(make_server, tmp_path_factory):
    server = make_server()
    made = {}

    def client(service, region=None):
        return made.setdefault(service, server.client(service, region))

    lab = ServiceLab(client, execution_role_of(client), pusher(server, client), tmp_path_factory.mktemp("own"))
    yield server, lab
    lab.clean()


MONITORING = {"metricConfigurations": [{"metricNames": ["CPUUtilization", "MemoryUtilization"], "resolutionSeconds": 20}]}


def test_the_resolution_of_a_service_is_kept_in_its_revision(services):
    service = services.service(services.define(), count=0, monitoring=MONITORING)
    ecs = services.ecs

    def revision() -> dict:
        arn = service.describe()["currentServiceRevisions"][0]["arn"]
        return ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"][0]

    assert revision()["monitoring"] == MONITORING
    first = service.describe()["deployments"][0]["id"]
    service.update(desiredCount=0)
    assert service.describe()["deployments"][0]["id"] == first
    minute = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 60}]}
    service.update(monitoring=minute)
    assert revision()["monitoring"] == minute
    service.update(monitoring={"metricConfigurations": []})
    assert "monitoring" not in revision()


@pytest.mark.parametrize("configurations, message", [
    ([{"metricNames": ["CPUUtilization"], "resolutionSeconds": 30}], "resolutionSeconds must be one of [20, 60]"),
    ([{"metricNames": ["Load"], "resolutionSeconds": 20}], "Invalid metric name: Load"),
    ([{"metricNames": ["CPUUtilization"] * 2, "resolutionSeconds": 20}], "more than once"),
])
def test_resolutions_that_are_refused(services, configurations, message):
    with pytest.raises(ClientError) as refused:
        services.service(services.define(), count=0, monitoring={"metricConfigurations": configurations})
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
    assert message in refused.value.response["Error"]["Message"]
