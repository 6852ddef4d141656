"""What load balancers count: AWS/ApplicationELB and AWS/NetworkELB."""

import pytest

from conftest import execution_role_of, pusher
from metric_lab import MINUTE, total, values
from service_lab import ServiceLab
from waiting import until

APPLICATION, NETWORK = "AWS/ApplicationELB", "AWS/NetworkELB"


@pytest.fixture(scope="module")
def cloudwatch(client):
    return client("cloudwatch")


@pytest.fixture(scope="module")
def lab(shared_service_lab):
    yield shared_service_lab
    shared_service_lab.clean()


@pytest.fixture(scope="module")
def counted(lab, cloudwatch):
    """An application load balancer with two targets that carried 30 requests, and a network load balancer with three flows."""
    flows, flow_group = lab.balancer("network"), lab.target_group("TCP")
    flows.listener(flow_group, protocol="TCP")
    lab.service(lab.define(), flow_group, count=1)
    _, balancer, group = lab.website(count=2)
    lab.healthy(flow_group, 1)
    for _ in range(3):
        flows.get("/")
    assert balancer.status("/status?code=404") == 404
    for _ in range(28):
        balancer.get("/")
    balancer.get("/slow?ms=500")
    until(lambda: total(cloudwatch, APPLICATION, "RequestCount", LoadBalancer=path(balancer.arn)) == 30, "30 requests", 15, every=0.3)
    return path(balancer.arn), path(group), path(flows.arn), path(flow_group)


def path(arn: str) -> str:
    """As metrics name it: app/NAME/ID or targetgroup/NAME/ID."""
    return arn.split(":", 5)[5].removeprefix("loadbalancer/")


def test_requests_are_counted_by_every_set_of_dimensions(lab, counted, cloudwatch):
    balancer, group, *_ = counted
    of_balancer = {"LoadBalancer": balancer}
    of_group = {**of_balancer, "TargetGroup": group}
    assert total(cloudwatch, APPLICATION, "RequestCount", **of_group) == 30
    zones = [total(cloudwatch, APPLICATION, "RequestCount", **of_group, AvailabilityZone=zone) for zone in lab.zones.values()]
    assert sum(zones) == 30
    assert total(cloudwatch, APPLICATION, "HTTPCode_Target_2XX_Count", **of_group) == 29
    assert total(cloudwatch, APPLICATION, "HTTPCode_Target_4XX_Count", **of_balancer) == 1
    # Two targets share them.
    assert total(cloudwatch, APPLICATION, "RequestCountPerTarget", **of_group) == 15
    assert total(cloudwatch, APPLICATION, "RequestCountPerTarget", TargetGroup=group) == 15
    assert total(cloudwatch, APPLICATION, "ProcessedBytes", **of_balancer) > 1000
    assert values(cloudwatch, APPLICATION, "HTTPCode_ELB_5XX_Count", "Sum", **of_balancer) == [], "nothing, not zero"
    assert values(cloudwatch, APPLICATION, "RequestCount", "Sum", LoadBalancer="app/other/0123456789abcdef") == []


def test_response_times_have_percentiles(counted, cloudwatch):
    balancer, group, *_ = counted

    def times(stat: str) -> list[float]:
        return values(
            cloudwatch, APPLICATION, "TargetResponseTime", stat, period=5 * MINUTE, minutes=10, LoadBalancer=balancer, TargetGroup=group
        )

    assert max(times("Maximum")) == pytest.approx(0.5, rel=0.2)
    # Where the requests fell into two periods, the slow one may be alone in its own.
    assert 0 < min(times("p50")) < 0.2


def test_hosts_are_counted_and_groups_without_requests_have_zeros(counted, cloudwatch):
    balancer, group, *_ = counted

    def find(name: str) -> list[float]:
        return values(cloudwatch, APPLICATION, name, "Sum", LoadBalancer=balancer, TargetGroup=group)

    until(lambda: find("HealthyHostCount")[-1:] == [2.0], "two healthy hosts", 15, every=0.3)
    assert find("UnHealthyHostCount")[-1] == 0
    until(lambda: 0.0 in find("RequestCountPerTarget"), "a window without requests", 15, every=0.3)


def test_flows_of_a_network_load_balancer(counted, cloudwatch):
    *_, balancer, group = counted
    of_balancer = {"LoadBalancer": balancer}
    # Beside those of the waiting for its listener.
    flows = total(cloudwatch, NETWORK, "NewFlowCount_TCP", **of_balancer)
    assert flows >= 3 and total(cloudwatch, NETWORK, "NewFlowCount", **of_balancer) == flows
    assert total(cloudwatch, NETWORK, "ProcessedBytes", **of_balancer) > 100
    hosts = values(cloudwatch, NETWORK, "HealthyHostCount", "Maximum", **of_balancer, TargetGroup=group)
    assert max(hosts) == 1
    assert values(cloudwatch, NETWORK, "RequestCountPerTarget", "Sum", TargetGroup=group) == []


@pytest.mark.slow
def test_what_was_counted_while_the_server_was_away_counts_once(make_server, tmp_path_factory):
    server = make_server()
    made = {}

    def client(service, region=None):
        return made.setdefault(service, server.client(service, region))

    lab = ServiceLab(client, execution_role_of(client), pusher(server, client), tmp_path_factory.mktemp("own"))
    cloudwatch = client("cloudwatch")
    _, balancer, group = lab.website(count=1)
    of_balancer = {"LoadBalancer": path(balancer.arn)}
    for _ in range(4):
        balancer.get("/")
    until(lambda: total(cloudwatch, APPLICATION, "RequestCount", **of_balancer) == 4, "four", 15, every=0.3)
    server.kill()
    for _ in range(5):
        balancer.get("/")
    server.up()
    until(lambda: total(cloudwatch, APPLICATION, "RequestCount", **of_balancer) >= 9, "nine", 20, every=0.3)
    # Two more windows: nothing comes a second time.
    ends = lambda: len(values(cloudwatch, APPLICATION, "HealthyHostCount", "Sum", **of_balancer, TargetGroup=path(group)))  # noqa: E731
    seen = ends()
    until(lambda: ends() >= seen + 2, "two more windows", 15, every=0.3)
    assert total(cloudwatch, APPLICATION, "RequestCount", **of_balancer) == 9
    lab.clean()
