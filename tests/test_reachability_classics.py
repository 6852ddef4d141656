"""The cases that networks are known to get wrong, each by name. The model is asked as well: it must say the same."""

import copy
import re
import subprocess
import time
from collections.abc import Callable

import pytest

from neargate_server import free_port
from reachability_model import AclEntry, Group, Route, Rule, Service, Topology, verdict
from reachability_rules import copy_of
from test_reachability import Place, real_pool
from vpc_lab import Agent, Host, VpcLab, World, probe_process, slot
from waiting import until

EVERYONE = "0.0.0.0/0"
WEB = Service("tcp", 8080)
SETTLE_SECONDS = 20
# Beside those of the random rule sets.
COPY = slot() * 4 + 3


@pytest.fixture(scope="module")
def place(make_server, tmp_path_factory):
    pool = real_pool(share=1)
    server = make_server("--public-pool", pool)
    with World(pool) as world, Host() as host:
        made = Place(server, tmp_path_factory.mktemp("place"), world, host, pool)
        yield made
        made.lab.clean()


@pytest.fixture(scope="module")
def built(place) -> VpcLab:
    topology = copy_of(COPY)
    topology.world = {place.world.address}
    lab = VpcLab(place.lab, topology).build()
    yield lab
    lab.end()


class Net:
    """Brings the lab to a state, and holds packets and model against what the test says."""

    def __init__(self, place: Place, lab: VpcLab):
        self.place, self.lab = place, lab
        self.private = {name: one.private for name, one in lab.current.interfaces.items()}
        self.public = {name: one.public for name, one in lab.current.interfaces.items()}
        self.world = place.world.address

    def set(self, change: Callable[[Topology], None] = lambda topology: None) -> None:
        """Everything open and routed, but for the change."""
        made = copy.deepcopy(self.lab.current)
        for name, group in made.groups.items():
            made.groups[name] = Group(group.vpc, [Rule(cidr=EVERYONE)], [Rule(cidr=EVERYONE)])
        for acl in made.acls:
            made.acls[acl] = [AclEntry(1000, True, False), AclEntry(1000, True, True)]
        a, c = made.vpcs["a"].blocks[0], made.vpcs["c"].blocks[0]
        made.tables["table public"] = [Route(EVERYONE, "igw", "igw of a"), Route(c, "pcx", "pcx")]
        made.tables["table gateways"] = [Route(EVERYONE, "igw", "igw of a")]
        made.tables["table private"] = [Route(EVERYONE, "nat", "nat"), Route(c, "pcx", "pcx")]
        made.tables["table b"] = [Route(EVERYONE, "igw", "igw of b")]
        made.tables["table c"] = [Route(EVERYONE, "igw", "igw of c"), Route(a, "pcx", "pcx")]
        change(made)
        self.lab.apply(made)

    def check(self, source: str, destination: str, expected: str | bool, service: Service = WEB) -> None:
        """`expected`: the address that is seen, or whether it is reached at all."""
        name = f"world:{self.place.world_seen}" if source == "world" else source
        said = verdict(self.lab.current, name, destination, service)
        assert said.allowed is bool(expected), f"the model: {said}"
        agent = self.place.agents(self.lab)[name]

        def agrees() -> bool:
            got = agent.reaches(destination, service.port, service.protocol)
            return got == expected if isinstance(expected, str) else (got is not None) is expected

        until(agrees, f"{source} -> {destination} {service} is {expected}", seconds=SETTLE_SECONDS)


@pytest.fixture
def net(place, built) -> Net:
    return Net(place, built)


def test_everything_open(net):
    """What the other tests take away from: otherwise they would show nothing."""
    net.set()
    names = ["public one", "public two", "private one", "private two"]
    for service in (WEB, Service("udp", 8443), Service("icmp")):
        for one in names:
            for other in names:
                if one != other:
                    net.check(one, net.private[other], True, service)
        net.check("host", net.private["private one"], True, service)
        net.check("world", net.public["public one"], True, service)
        net.check("private one", net.private["peer"], True, service)
    net.check("public one", net.world, net.public["public one"])
    net.check("private one", net.world, net.lab.current.nat_gateways["nat"].public)
    net.check("world", net.public["public one"], net.world)
    net.check("public one", net.public["public two"], net.public["public one"])
    net.check("public one", net.public["twin"], net.public["public one"])


def test_a_group_that_refers_to_itself(net):
    """Its members, by their private addresses; nobody else, and not by a public address."""
    def change(made: Topology) -> None:
        made.groups["web"].ingress, made.groups["all"].ingress = [Rule(group="web")], []

    net.set(change)
    net.check("public one", net.private["private one"], net.private["public one"])
    net.check("public two", net.private["private one"], False)
    net.check("private two", net.private["private one"], False)
    net.check("host", net.private["private one"], True)


def test_a_reference_means_private_addresses(net):
    def change(made: Topology) -> None:
        made.groups["data"].ingress = [Rule(group="web")]

    net.set(change)
    net.check("public one", net.private["public two"], True)
    net.check("public one", net.public["public two"], False)


@pytest.mark.parametrize("group, direction", [("web", "egress"), ("data", "ingress")])
def test_both_sides_must_agree(net, group, direction):
    """What the sender may not send doesn't go, what the receiver may not receive doesn't come; the other way does."""
    def change(made: Topology) -> None:
        setattr(made.groups[group], direction, [])

    net.set(change)
    net.check("private one", net.private["public two"], False)
    net.check("public two", net.private["private one"], net.private["public two"])


def test_two_vpcs_with_one_block(net):
    """Each has its own world: neither reaches the other by private addresses, both reach the internet."""
    net.set()
    net.check("twin", net.private["private one"], False)
    net.check("private one", net.private["twin"], net.private["twin"] == net.private["public one"])
    net.check("twin", net.world, net.public["twin"])
    net.check("public one", net.world, net.public["public one"])
    net.check("twin", net.public["public one"], net.public["twin"])


def test_acls_know_no_connections(net):
    """Answers need an entry of their own, at the client's port; within a subnet nobody asks."""
    def change(made: Topology) -> None:
        made.acls["acl public"] = [AclEntry(100, True, False), AclEntry(100, True, True, protocol="tcp", first=8080, last=8080)]

    net.set(change)
    net.check("private one", net.private["public one"], False)
    net.check("public two", net.private["public one"], True)
    # Out of the subnet it goes, and comes back by what lets everything in.
    net.check("public one", net.private["private one"], True)


def test_the_lowest_number_decides(net):
    def change(made: Topology) -> None:
        made.acls["acl private"] = [
            AclEntry(100, True, False, f"{net.private['public one']}/32"), AclEntry(200, False, False, net.lab.current.subnets["public"].cidr),
            AclEntry(300, True, False), AclEntry(100, True, True),
        ]

    net.set(change)
    net.check("public one", net.private["private one"], True)
    net.check("public two", net.private["private one"], False)


def test_the_longest_prefix_decides(net):
    """A route to one host by the peering, where nobody has that address, beats the default route."""
    def change(made: Topology) -> None:
        made.tables["table public"].append(Route(f"{net.world}/32", "pcx", "pcx"))

    net.set(change)
    net.check("public one", net.world, False)
    net.check("private one", net.world, net.lab.current.nat_gateways["nat"].public)


def test_routes_by_prefix_list(net):
    """A list stands for each of its blocks, also after it changed."""
    def change(made: Topology, *blocks: str) -> None:
        made.prefix_lists["places"] = list(blocks)
        made.tables["table public"] = [Route("places", "igw", "igw of a")]

    net.set(lambda made: change(made, f"{net.world}/32", "192.0.2.0/24"))
    net.check("public one", net.world, True)
    net.set(lambda made: change(made, "192.0.2.0/24"))
    net.check("public one", net.world, False)
    net.set(lambda made: change(made, "198.51.100.0/24", f"{net.world}/32"))
    net.check("public one", net.world, True)


def test_a_nat_gateway_without_a_way_out(net):
    net.set(lambda made: made.tables.__setitem__("table gateways", []))
    net.check("private one", net.world, False)
    net.check("public one", net.world, True)


def test_peering_needs_both_routes(net):
    net.set(lambda made: made.tables.__setitem__("table c", [Route(EVERYONE, "igw", "igw of c")]))
    net.check("private one", net.private["peer"], False)
    net.check("peer", net.private["private one"], False)


def test_peering_is_not_transitive(net):
    """Nobody goes through the peer's gateways."""
    net.set(lambda made: made.tables.__setitem__("table private", [Route(EVERYONE, "pcx", "pcx")]))
    net.check("private one", net.private["peer"], True)
    net.check("private one", net.world, False)


def test_a_public_address_is_needed(net):
    """An internet gateway carries nobody who has none."""
    net.set(lambda made: made.tables.__setitem__("table private", [Route(EVERYONE, "igw", "igw of a")]))
    net.check("private one", net.world, False)


def link_of(agent: Agent) -> tuple[str, str, str]:
    """A task's link to its VPC, its own MAC address and its gateway's."""
    route = next(line.split() for line in agent.ask({"read": "/proc/net/route"}).splitlines()[1:] if line.split()[1] == "00000000")
    mac = agent.ask({"read": f"/sys/class/net/{route[0]}/address"}).strip()
    table = agent.ask({"read": "/proc/net/arp"})
    return route[0], mac, re.search(rf"(\S\S:\S+)\s+\*\s+{route[0]}$", table, re.MULTILINE).group(1)


def test_nobody_speaks_for_another(net):
    """A frame with another source address, or another MAC address, goes nowhere; the same with the own ones arrives."""
    net.set()
    sender, receiver = net.lab.agents["private one"], net.lab.agents["public two"]
    net.check("private one", net.private["public two"], True)
    link, mac, gateway = link_of(sender)
    other_mac = "02:00:00:00:00:07"
    frames = {
        "neighbour": (mac, net.private["private two"]), "foreign": (mac, "192.0.2.77"), "host": (mac, "127.0.0.1"),
        "public": (mac, net.public["public one"]), "mac": (other_mac, net.private["private one"]),
        "honest": (mac, net.private["private one"]),
    }
    stamp = f"{time.monotonic_ns():x}"
    for text, (source_mac, source) in frames.items():
        sender.ask({"spoof": [link, source_mac, gateway, source, net.private["public two"], 8080, f"{text}-{stamp}"]})
    until(lambda: receiver.ask({"arrived": f"honest-{stamp}"}), "the honest one arrives")
    # The honest one was the last, on the same link: what would come has come.
    arrived = [line for text in frames if text != "honest" for line in receiver.ask({"arrived": f"{text}-{stamp}"})]
    assert arrived == []


def test_metadata_is_the_tasks_own(net):
    """Another task's credentials and metadata answer nobody else, even to one who knows their path."""
    net.set()
    one, other = net.lab.agents["private one"], net.lab.agents["private two"]
    environment = dict(line.split("=", 1) for line in one.ask({"read": "/proc/self/environ"}).split("\0") if "=" in line)
    url = environment["ECS_CONTAINER_METADATA_URI_V4"]
    status, text = one.ask({"http": f"{url}/task"})
    assert status == 200 and "TaskARN" in text
    told = other.ask({"http": f"{url}/task"})
    assert told is None or (told[0] in (400, 401, 403, 404) and "TaskARN" not in told[1]), told


def test_the_host_is_closed(net, place):
    """No port of the host, by none of its addresses: also not the API's, which tasks reach by the VPC's own address."""
    net.set()
    port = free_port()
    server = probe_process((port,), free_port())
    try:
        until(lambda: place.host.agent.reaches(place.world.host, port), "the host listens")
        shown = subprocess.run(["ip", "-o", "-4", "address", "show"], capture_output=True, text=True, check=True).stdout
        addresses = sorted(set(re.findall(r"inet (\S+?)/", shown)) - {"127.0.0.1"})
        probes = [["tcp", address, each, 400] for address in addresses for each in (port, place.server.port)]
        probes += [["udp", address, port, 400] for address in addresses]
        for name in ("public one", "private one", "twin"):
            got = net.lab.agents[name].ask(probes)
            assert [probe for probe, answer in zip(probes, got, strict=True) if answer is not None] == [], name
    finally:
        server.kill()
        server.wait()
    environment = net.lab.agents["private one"].ask({"read": "/proc/self/environ"})
    url = re.search(r"AWS_ENDPOINT_URL=([^\0]+)", environment).group(1)
    assert net.lab.agents["private one"].ask({"http": f"{url}/_neargate/health"})[0] == 200


def test_link_local_addresses(net):
    """The services at 169.254 are the VPC's own; nothing else lives there, no instance metadata either."""
    net.set()
    agent = net.lab.agents["private one"]
    addresses = [f"169.254.{third}.{fourth}" for third, fourth in ((0, 1), (0, 2), (169, 254), (169, 123), (1, 1))]
    got = agent.ask([[protocol, address, port, 400] for address in addresses for protocol, port in (("tcp", 80), ("tcp", 8080), ("icmp", 0))])
    assert not any(answer is not None for answer in got), got
    # A group without any rule for them doesn't close them.
    net.set(lambda made: setattr(made.groups["web"], "egress", []))
    net.check("private one", net.private["public one"], False)
    environment = agent.ask({"read": "/proc/self/environ"})
    url = re.search(r"ECS_CONTAINER_METADATA_URI_V4=([^\0]+)", environment).group(1)
    assert agent.ask({"http": url})[0] == 200


def test_a_balancer_stands_between(net, place):
    """An internal load balancer is a member of its groups: targets let it in, and not those who ask it."""
    elb, ec2, lab = place.lab.client("elbv2"), net.lab.ec2, net.lab
    if "balancer" not in lab.ids:
        lab.ids["balancer"] = ec2.create_security_group(GroupName="balancer", Description="tests", VpcId=lab.ids["a"])["GroupId"]
        lab.current.groups["balancer"] = Group("a", [], [Rule(cidr=EVERYONE)])

    def change(made: Topology) -> None:
        made.groups["balancer"].ingress = [Rule("tcp", 80, 80, group="web")]
        made.groups["data"].ingress = made.groups["all"].ingress = [Rule("tcp", 8080, 8080, group="balancer")]

    net.set(change)
    made = elb.create_load_balancer(
        Name="classics", Type="network", Scheme="internal", Subnets=[lab.ids["public"]], SecurityGroups=[lab.ids["balancer"]],
    )["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="classics", Protocol="TCP", Port=8080, VpcId=lab.ids["a"], TargetType="ip", HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(LoadBalancerArn=made["LoadBalancerArn"], Protocol="TCP", Port=80,
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": net.private["private two"]}])
    try:
        shown = until(lambda: ec2.describe_network_interfaces(Filters=[
            {"Name": "description", "Values": ["ELB net/classics/*"]}])["NetworkInterfaces"], "its interface")
        address = shown[0]["PrivateIpAddress"]
        until(lambda: [one["TargetHealth"]["State"] for one in elb.describe_target_health(TargetGroupArn=group)[
            "TargetHealthDescriptions"]] == ["healthy"], "the target is healthy", seconds=20)
        ask = lab.agents
        until(lambda: ask["public one"].reaches(address, 80) == address, "the balancer's address is what the target sees")
        assert ask["private one"].reaches(address, 80) == address
        assert ask["public two"].reaches(address, 80) is None
        net.check("public one", net.private["private two"], False)
    finally:
        elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def test_zz_gateways_go_away(net):
    """Last: it takes them away for good. A route to what is gone is a black hole."""
    net.set()
    ec2, lab = net.lab.ec2, net.lab
    net.check("private one", net.world, True)
    ec2.delete_nat_gateway(NatGatewayId=lab.ids["nat"])
    until(lambda: lab.agents["private one"].reaches(net.world) is None, "no way out", seconds=SETTLE_SECONDS)
    until(lambda: state_of(ec2, lab, "table private", EVERYONE) == "blackhole", "a black hole")
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=lab.ids["pcx"])
    until(lambda: lab.agents["private one"].reaches(net.private["peer"]) is None, "no peer", seconds=SETTLE_SECONDS)
    assert state_of(ec2, lab, "table private", lab.current.vpcs["c"].blocks[0]) == "blackhole"
    net.check("public one", net.private["private one"], True)


def state_of(ec2, lab: VpcLab, table: str, destination: str) -> str:
    (shown,) = ec2.describe_route_tables(RouteTableIds=[lab.ids[table]])["RouteTables"]
    return next(route["State"] for route in shown["Routes"] if route.get("DestinationCidrBlock") == destination)
