"""The network under `kill -9` of the server, and under churn: the rules are those of the state, no address is lost or given twice."""

import concurrent.futures
import ipaddress
import random
import threading
import time

import botocore.exceptions
import pytest

from fault_lab import own_lab, run_many, statuses
from reachability_rules import RuleSet, copy_of
from test_reachability import Place, real_pool
from vpc_lab import Host, VpcLab, World, ask_all, differences, slot
from vpc_read import read_back, same
from waiting import until

pytestmark = pytest.mark.alone
ROUNDS = 4
# After the server is up again: it reads what it knew, and tells the node.
SETTLE_SECONDS = 20
COPY = slot() * 4 + 2
CHURN_TASKS, CHURN_AT_ONCE = 300, 60
RESERVED = 5


@pytest.fixture
def place(make_server, tmp_path):
    pool = real_pool(share=2)
    server = make_server("--public-pool", pool)
    with World(pool) as world, Host() as host:
        made = Place(server, tmp_path / "place", world, host, pool)
        yield made
        made.lab.clean()


@pytest.mark.slow
def test_a_kill_in_the_middle_of_changes(place):
    """Whatever was written by then holds at the packets, as the state tells it; a change that was cut short is told again."""
    topology = copy_of(COPY)
    topology.world = {place.world.address}
    lab = VpcLab(place.lab, topology).build()
    for seed in range(1, ROUNDS + 1):
        chance = random.Random(seed)
        rules = RuleSet(1000 + seed, lab.current, place.world_seen)
        died = threading.Event()

        def apply() -> None:
            try:
                lab.apply(rules.topology)
            except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError):
                died.set()

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            change = pool.submit(apply)
            time.sleep(chance.random() * 0.25)
            place.server.kill()
            change.result()
        keeps_going(place, lab, rules)
        place.server.up()
        # What the server has of the change is read back; the rest is done then.
        lab.current = read_back(lab)
        check(place, lab, rules, f"seed {seed}, after the kill (cut short: {died.is_set()})")
        lab.apply(rules.topology)
        assert same(rules.topology, read_back(lab)) == []
        check(place, lab, rules, f"seed {seed}, after the rest of the change")
    lab.end()


def named(place: Place, rules: RuleSet) -> list:
    return [(f"world:{place.world_seen}" if source == "world" else source, to, service)
            for source, to, service in rules.probes(from_tasks_to_public=True)]


def check(place: Place, lab: VpcLab, rules: RuleSet, when: str) -> None:
    probes = named(place, rules)
    deadline = time.monotonic() + SETTLE_SECONDS
    while wrong := differences(lab.current, probes, ask_all(place.agents(lab), probes), place.seen_as):
        assert time.monotonic() < deadline, f"{when}:\n  " + "\n  ".join(wrong)


def keeps_going(place: Place, lab: VpcLab, rules: RuleSet) -> None:
    """What no rule is about goes through while no server runs: the host's way to the tasks."""
    probes = [probe for probe in named(place, rules) if probe[0] == "host"]
    until(lambda: None not in ask_all(place.agents(lab), probes), "the host reaches the tasks", seconds=SETTLE_SECONDS)


@pytest.mark.slow
def test_addresses_of_three_hundred_tasks(make_server, tmp_path):
    """Made and removed in waves: none twice, none of the reserved ones, and none missing at the end."""
    server = make_server()
    lab = own_lab(server, tmp_path / "lab")
    ec2 = lab.client("ec2")
    subnet_id = lab.network["awsvpcConfiguration"]["subnets"][0]

    def free() -> int:
        return ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]["AvailableIpAddressCount"]

    def interfaces() -> list[dict]:
        pages = ec2.get_paginator("describe_network_interfaces").paginate(Filters=[{"Name": "subnet-id", "Values": [subnet_id]}])
        return [one for page in pages for one in page["NetworkInterfaces"]]

    subnet = ipaddress.ip_network(ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]["CidrBlock"])
    reserved = {str(address) for address in [*list(subnet)[:4], subnet.broadcast_address]}
    definition = lab.define(lab.container("trap 'exit 0' TERM; sleep 1000 & wait", stopTimeout=2))
    before, chance, running = free(), random.Random(1), []
    for _ in range(CHURN_TASKS // CHURN_AT_ONCE):
        running += run_many(lab, definition, CHURN_AT_ONCE)
        until(lambda: set(statuses(lab, running)) == {"RUNNING"}, "all run", 60)
        shown = interfaces()
        private = [one["PrivateIpAddress"] for one in shown]
        public = [one["Association"]["PublicIp"] for one in shown if "Association" in one]
        assert len(private) == len(set(private)) == len(running) and not reserved & set(private)
        assert len(public) == len(set(public)) == len(running)
        assert free() == before - len(running)
        chance.shuffle(running)
        ended, running = running[:CHURN_AT_ONCE * 2 // 3], running[CHURN_AT_ONCE * 2 // 3:]
        for arn in ended:
            lab.ecs.stop_task(task=arn)
        until(lambda: set(statuses(lab, ended)) == {"STOPPED"}, "these stop", 60)
        until(lambda: len(interfaces()) == len(running), "their interfaces go", 30)
    for arn in running:
        lab.ecs.stop_task(task=arn)
    until(lambda: set(statuses(lab, running)) == {"STOPPED"}, "all stop", 60)
    until(lambda: free() == before and not interfaces(), "every address is free again", 30)


def test_an_exhausted_subnet(make_server, tmp_path):
    """A /28 has eleven addresses for its users; the twelfth is refused as AWS does, and one that is freed serves again."""
    server = make_server()
    ec2 = server.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.250.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.250.0.0/28")["Subnet"]
    assert subnet["AvailableIpAddressCount"] == 16 - RESERVED
    made = [ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"] for _ in range(16 - RESERVED)]
    assert {one["PrivateIpAddress"] for one in made} == {f"10.250.0.{last}" for last in range(4, 15)}
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        ec2.create_network_interface(SubnetId=subnet["SubnetId"])
    assert caught.value.response["Error"]["Code"] == "InsufficientFreeAddressesInSubnet"
    # A task there doesn't start either, and says why.
    lab = own_lab(server, tmp_path / "lab")
    network = {"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]], "assignPublicIp": "DISABLED"}}
    answer = lab.ecs.run_task(
        taskDefinition=lab.define(lab.container("sleep 1000")), launchType="FARGATE", networkConfiguration=network)
    stopped = lab.follow(answer).stopped()
    assert stopped["stoppedReason"].endswith("InsufficientFreeAddressesInSubnet"), stopped["stoppedReason"]
    ec2.delete_network_interface(NetworkInterfaceId=made[3]["NetworkInterfaceId"])
    again = ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]
    assert again["PrivateIpAddress"] == made[3]["PrivateIpAddress"]
    # Two at once for the last one: one gets it.
    ec2.delete_network_interface(NetworkInterfaceId=again["NetworkInterfaceId"])

    def take(_: int) -> bool:
        try:
            server.client("ec2").create_network_interface(SubnetId=subnet["SubnetId"])
            return True
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "InsufficientFreeAddressesInSubnet", error
            return False

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(take, range(6))) == [False] * 5 + [True]
