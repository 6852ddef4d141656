"""Rolling updates while requests come in: nobody who asks may notice."""

import pytest

from load import Load
from test_balancer_https import certificate_for

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("percentages", [(100, 200), (50, 100), (100, 150)])
def test_no_request_fails_during_a_rolling_update(services, percentages):
    minimum, maximum = percentages
    service, balancer, target_group = services.website(
        count=4, deploymentConfiguration={"minimumHealthyPercent": minimum, "maximumPercent": maximum})
    certificate = certificate_for(services, balancer.host)
    balancer.listener(target_group, "HTTPS", 443, Certificates=[{"CertificateArn": certificate}])
    with Load(balancer.host, rate=200, secure_port=443) as load:
        service.update(taskDefinition=services.define("2"))
        service.stable()
        services.healthy(target_group, 4)
    assert load.failures == []
    assert load.requests > 100
    versions = {answer.split()[1] for answer in load.answers}
    assert versions == {"1", "2"}


def test_requests_in_flight_finish_before_the_task_ends(services):
    service, balancer, target_group = services.website(count=1)
    services.elb.modify_target_group_attributes(
        TargetGroupArn=target_group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    with Load(balancer.host, rate=2, clients=1, path="/slow?ms=2500") as load:
        service.update(taskDefinition=services.define("2"))
        service.stable()
    assert load.failures == []
    assert {answer.split()[1] for answer in load.answers} == {"1", "2"}
