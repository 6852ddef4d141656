"""The life of a VPC on its node: public addresses of tasks come and go with them, and survive the server."""

import itertools
import os
import urllib.error
import urllib.request

import pytest

from conftest import execution_role_of, open_network_of, pusher
from task_lab import Lab, Task
from waiting import until

SERVE = "mkdir -p /www; echo served > /www/index.html; exec httpd -f -p 80 -h /www"
HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
THIS_MACHINE, SOMEONE_ELSE = "127.0.0.0/8", "203.0.113.0/24"
names = itertools.count(1)


def start(lab: Lab, group: str, assign: str = "ENABLED") -> Task:
    """A task that serves a page."""
    network = {**lab.network["awsvpcConfiguration"], "securityGroups": [group], "assignPublicIp": assign}
    # With an init, since a server that is the first process doesn't end when it is asked to.
    container = lab.container(SERVE, linuxParameters={"initProcessEnabled": True})
    answer = lab.ecs.run_task(
        taskDefinition=lab.define(container), launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )
    task = lab.follow(answer)
    task.running()
    return task


def make_group(ec2, *sources: str) -> str:
    """A group of the default VPC that lets these blocks reach port 80."""
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    name = f"life-{os.getpid()}-{next(names)}"
    group = ec2.create_security_group(GroupName=name, Description="life", VpcId=vpc)["GroupId"]
    for source in sources:
        allow(ec2, group, source)
    return group


def allow(ec2, group: str, source: str) -> None:
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": source}]}])


def forbid(ec2, group: str, source: str) -> None:
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[{**HTTP, "IpRanges": [{"CidrIp": source}]}])


def public_address(ec2, task: Task) -> str | None:
    """By which EC2 says that the world knows the task."""
    eni = task.interface["networkInterfaceId"]
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    return interface.get("Association", {}).get("PublicIp")


def answers(address: str, seconds: float = 1) -> bool:
    """Whether the page comes from there, asked by the host."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=seconds) as response:
            return response.read() == b"served\n"
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def ec2(client):
    return client("ec2")


def test_a_public_address_leads_to_its_task(lab, ec2):
    group = make_group(ec2, "0.0.0.0/0")
    task, other = start(lab, group), start(lab, group)
    addresses = [public_address(ec2, one) for one in (task, other)]
    assert len(set(addresses)) == 2 and all(address.startswith("127.80.") for address in addresses)
    for address in addresses:
        until(lambda address=address: answers(address), "the page")


def test_groups_decide_at_public_addresses(lab, ec2):
    """The host is let in at the private address whatever groups say; at the public one they decide, and it is 127/8."""
    group = make_group(ec2, SOMEONE_ELSE)
    task = start(lab, group)
    address = public_address(ec2, task)
    until(lambda: answers(task.address), "the page at the private address")
    assert not answers(address)
    allow(ec2, group, THIS_MACHINE)
    until(lambda: answers(address), "the rule counts")
    forbid(ec2, group, THIS_MACHINE)
    until(lambda: not answers(address), "the rule is gone")


def test_who_asks_for_none_has_none(lab, ec2):
    task = start(lab, make_group(ec2, "0.0.0.0/0"), assign="DISABLED")
    assert public_address(ec2, task) is None
    until(lambda: answers(task.address), "the page at the private address")


def test_a_public_address_ends_with_its_task(lab, ec2):
    task = start(lab, make_group(ec2, "0.0.0.0/0"))
    address, eni = public_address(ec2, task), task.interface["networkInterfaceId"]
    until(lambda: answers(address), "the page")
    task.stop()
    task.stopped()

    def gone() -> bool:
        filters = [{"Name": "network-interface-id", "Values": [eni]}]
        return not ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]

    until(gone, "the interface is gone")
    assert not answers(address)


def test_an_empty_pool_refuses_the_task(make_server, tmp_path):
    """With the words of EC2; a task that needs no public address runs all the same."""
    server = make_server("--public-pool", "127.81.0.0/30")
    own_lab = lab_of(server, tmp_path)
    ec2 = own_lab.client("ec2")
    group = make_group(ec2, "0.0.0.0/0")
    assert {public_address(ec2, start(own_lab, group)) for _ in range(2)} == {"127.81.0.1", "127.81.0.2"}
    network = {**own_lab.network["awsvpcConfiguration"], "securityGroups": [group]}
    definition = own_lab.define(own_lab.container(SERVE))

    def launch(assign: str) -> Task:
        configuration = {"awsvpcConfiguration": {**network, "assignPublicIp": assign}}
        return own_lab.follow(own_lab.ecs.run_task(
            taskDefinition=definition, launchType="FARGATE", networkConfiguration=configuration
        ))

    (subnet,) = network["subnets"]
    assert launch("ENABLED").stopped()["stoppedReason"] == (
        "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment enabled in "
        f"subnet '{subnet}': InsufficientAddressCapacity"
    )
    launch("DISABLED").running()
    own_lab.clean()


def test_public_addresses_outlive_the_server(make_server, tmp_path):
    """Killed and started again, it finds every address where it was; meanwhile nothing is interrupted."""
    server = make_server()
    own_lab = lab_of(server, tmp_path)
    ec2 = own_lab.client("ec2")
    group = make_group(ec2, THIS_MACHINE)
    task = start(own_lab, group)
    address = public_address(ec2, task)
    until(lambda: answers(address), "the page")
    server.kill()
    assert answers(address), "the network needs no server"
    server.up()
    assert public_address(ec2, task) == address
    assert answers(address)
    forbid(ec2, group, THIS_MACHINE)
    until(lambda: not answers(address), "rules count again")
    own_lab.clean()


def lab_of(server, folder) -> Lab:
    made = {}

    def client(service: str):
        if service not in made:
            made[service] = server.client(service)
        return made[service]

    return Lab(client, open_network_of(client), execution_role_of(client), pusher(server, client), folder)
