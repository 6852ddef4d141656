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
def website(lab):
    return lab.website(count=2)


def path(arn: str) -> str:
    """As metrics name it: app/NAME/ID or targetgroup/NAME/ID."""
    return arn.split(":", 5)[5].removeprefix("loadbalancer/")


def test_requests_are_counted_by_every_set_of_dimensions(lab, website, cloudwatch):
    _, balancer, group = website
    of_balancer = {"LoadBalancer": path(balancer.arn)}
    of_group = {**of_balancer, "TargetGroup": path(group)}
    assert balancer.status("/status?code=404") == 404
    for _ in range(9):
        balancer.get("/")
    balancer.get("/slow?ms=300")
    until(lambda: total(cloudwatch, APPLICATION, "RequestCount", **of_balancer) == 11, "11 requests", 15, every=0.3)
    assert total(cloudwatch, APPLICATION, "RequestCount", **of_group) == 11
    zones = [total(cloudwatch, APPLICATION, "RequestCount", **of_group, AvailabilityZone=zone) for zone in lab.zones.values()]
    assert sum(zones) == 11
    assert total(cloudwatch, APPLICATION, "HTTPCode_Target_2XX_Count", **of_group) == 10
    assert total(cloudwatch, APPLICATION, "HTTPCode_Target_4XX_Count", **of_balancer) == 1
    # Two targets share them.
    assert total(cloudwatch, APPLICATION, "RequestCountPerTarget", **of_group) == 5.5
    assert total(cloudwatch, APPLICATION, "RequestCountPerTarget", TargetGroup=path(group)) == 5.5
    assert total(cloudwatch, APPLICATION, "ProcessedBytes", **of_balancer) > 1000
    assert values(cloudwatch, APPLICATION, "HTTPCode_ELB_5XX_Count", "Sum", **of_balancer) == [], "nothing, not zero"
    assert values(cloudwatch, APPLICATION, "RequestCount", "Sum", LoadBalancer="app/other/0123456789abcdef") == []


def test_response_times_have_percentiles(website, cloudwatch):
    _, balancer, group = website
    of_group = {"LoadBalancer": path(balancer.arn), "TargetGroup": path(group)}
    for _ in range(20):
        balancer.get("/")
    balancer.get("/slow?ms=500")

    def times(stat: str) -> list[float]:
        return values(cloudwatch, APPLICATION, "TargetResponseTime", stat, period=MINUTE * 5, minutes=10, **of_group)

    until(lambda: max(times("Maximum"), default=0) > 0.45, "the slow one", 15, every=0.3)
    assert max(times("Maximum")) == pytest.approx(0.5, rel=0.2)
    assert 0 < max(times("p50")) < 0.2


def test_hosts_are_counted_also_when_none_is_healthy(lab, website, cloudwatch):
    _, balancer, group = website
    of_group = {"LoadBalancer": path(balancer.arn), "TargetGroup": path(group)}
    healthy = lambda name: values(cloudwatch, APPLICATION, name, "Maximum", **of_group)  # noqa: E731
    until(lambda: healthy("HealthyHostCount")[-1:] == [2.0], "two healthy hosts", 15, every=0.3)
    assert healthy("UnHealthyHostCount")[-1] == 0


def test_real_zeros_for_a_group_without_requests(lab, website, cloudwatch):
    _, balancer, group = website
    per_target = lambda: values(  # noqa: E731
        cloudwatch, APPLICATION, "RequestCountPerTarget", "Sum", LoadBalancer=path(balancer.arn), TargetGroup=path(group)
    )
    until(lambda: 0.0 in per_target(), "a window without requests", 15, every=0.3)


def test_flows_of_a_network_load_balancer(lab, cloudwatch):
    balancer = lab.balancer("network")
    group = lab.target_group("TCP")
    balancer.listener(group, protocol="TCP")
    service = lab.service(lab.define(), group, count=1)
    service.stable()
    lab.healthy(group, 1)
    for _ in range(3):
        balancer.get("/")
    of_balancer = {"LoadBalancer": path(balancer.arn)}
    until(lambda: total(cloudwatch, NETWORK, "NewFlowCount_TCP", **of_balancer) >= 3, "three flows", 15, every=0.3)
    assert total(cloudwatch, NETWORK, "NewFlowCount", **of_balancer) == total(cloudwatch, NETWORK, "NewFlowCount_TCP", **of_balancer)
    assert total(cloudwatch, NETWORK, "ProcessedBytes", **of_balancer) > 100
    hosts = values(cloudwatch, NETWORK, "HealthyHostCount", "Maximum", **of_balancer, TargetGroup=path(group))
    assert max(hosts) == 1
    assert values(cloudwatch, NETWORK, "RequestCountPerTarget", "Sum", TargetGroup=path(group)) == []


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
