"""Whose address the targets of a network load balancer see, and what follows from that; weights, and listeners that go."""

import contextlib
import itertools
import json
import socket
import ssl

import botocore.exceptions
import pytest

from fault_lab import kill_all, own_lab, processes_named
from task_lab import Lab, Task
from test_balancer_https import certificate_for
from test_reachability import real_pool
from vpc_lab import PORTS, Agent, World, namespace_of, probe_image
from waiting import until

TRAFFIC, CHECKED, OTHER = PORTS
PATIENCE_MS = 5000
# Long enough for an answer that comes, short enough to wait for one that must not.
REFUSED_MS = 1500
EVERYONE = "0.0.0.0/0"
PRESERVE = "preserve_client_ip.enabled"
names = itertools.count(1)


class Probe:
    """A task that answers everybody with the address that it sees, and asks others."""

    def __init__(self, task: Task):
        self.task = task
        task.running()
        self.address = task.address
        self.agent = Agent(namespace_of(task))


class Stage:
    """A load balancer in one subnet, a target, and a client in the same VPC."""

    def __init__(self, lab: Lab):
        self.lab, self.ec2, self.elb = lab, lab.client("ec2"), lab.client("elbv2")
        self.vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        self.subnet = lab.network["awsvpcConfiguration"]["subnets"][0]
        self.clients, self.targets = self.group(), self.group((CHECKED, EVERYONE), (TRAFFIC, EVERYONE))
        self.front = self.group((0, EVERYONE))
        variables = [{"name": "PORTS", "value": ",".join(map(str, PORTS))}]
        definition = lab.define(lab.container(image=probe_image(lab), environment=variables, stopTimeout=2))
        self.server, self.client = [
            Probe(task) for task in [self.start(definition, group) for group in (self.targets, self.clients)]
        ]
        made = self.elb.create_load_balancer(
            Name=f"front-{next(names)}", Type="network", Subnets=[self.subnet], SecurityGroups=[self.front]
        )["LoadBalancers"][0]
        self.arn, self.host = made["LoadBalancerArn"], made["DNSName"]
        until(lambda: self.state() == "active", "the load balancer is active", seconds=30)
        of_it = [{"Name": "description", "Values": [f"ELB {self.arn.split('loadbalancer/')[1]}"]}]
        (interface,) = self.ec2.describe_network_interfaces(Filters=of_it)["NetworkInterfaces"]
        self.private = interface["PrivateIpAddress"]
        self.public = socket.gethostbyname(self.host)
        self.ports = itertools.count(7001)

    def state(self) -> str:
        return self.elb.describe_load_balancers(LoadBalancerArns=[self.arn])["LoadBalancers"][0]["State"]["Code"]

    def start(self, definition: str, group: str) -> Task:
        network = {"subnets": [self.subnet], "securityGroups": [group], "assignPublicIp": "ENABLED"}
        return self.lab.follow(self.lab.ecs.run_task(
            taskDefinition=definition, launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": network},
        ))

    def group(self, *rules: tuple[int, str]) -> str:
        made = self.ec2.create_security_group(GroupName=f"front-{next(names)}", Description="tests", VpcId=self.vpc)
        if rules:
            self.allow(made["GroupId"], *rules)
        return made["GroupId"]

    def permissions(self, *rules: tuple[int, str]) -> list[dict]:
        """(port, CIDR or group): TCP and UDP; port 0 stands for all."""
        made = []
        for port, peer in rules:
            peers = {"UserIdGroupPairs": [{"GroupId": peer}]} if peer.startswith("sg-") else {"IpRanges": [{"CidrIp": peer}]}
            protocols = ["-1"] if port == 0 else ["tcp", "udp"]
            ports = {} if port == 0 else {"FromPort": port, "ToPort": port}
            made += [{"IpProtocol": protocol, **ports, **peers} for protocol in protocols]
        return made

    def allow(self, group: str, *rules: tuple[int, str]) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=self.permissions(*rules))

    @contextlib.contextmanager
    def traffic_from(self, *peers: str):
        """The target's group lets these alone reach the port of the traffic, as long as the block runs."""
        everyone, these = self.permissions((TRAFFIC, EVERYONE)), self.permissions(*[(TRAFFIC, peer) for peer in peers])
        self.ec2.revoke_security_group_ingress(GroupId=self.targets, IpPermissions=everyone)
        self.ec2.authorize_security_group_ingress(GroupId=self.targets, IpPermissions=these)
        try:
            yield
        finally:
            self.ec2.revoke_security_group_ingress(GroupId=self.targets, IpPermissions=these)
            self.ec2.authorize_security_group_ingress(GroupId=self.targets, IpPermissions=everyone)

    @contextlib.contextmanager
    def served(self, protocol: str = "TCP", preserve: str | None = None, **listener):
        """A listener with a target group of its own: their port and ARN."""
        group = self.target_group("TCP" if protocol == "TLS" else protocol, TRAFFIC)
        if preserve:
            self.preserve(group, preserve)
        with self.listener(protocol, [(group, 1)], **listener) as (port, _):
            self.healthy(group)
            yield port, group
        self.elb.delete_target_group(TargetGroupArn=group)

    def target_group(self, protocol: str, port: int) -> str:
        group = self.elb.create_target_group(
            Name=f"group-{next(names)}", Protocol=protocol, Port=port, VpcId=self.vpc, TargetType="ip",
            HealthCheckProtocol="TCP", HealthCheckPort=str(CHECKED), HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=4,
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": self.server.address}])
        return group

    @contextlib.contextmanager
    def listener(self, protocol: str, groups: list[tuple[str, int]], **options):
        port = next(self.ports)
        listener = self.elb.create_listener(
            LoadBalancerArn=self.arn, Protocol=protocol, Port=port, DefaultActions=[forward(groups)], **options
        )["Listeners"][0]["ListenerArn"]
        yield port, listener
        with contextlib.suppress(self.elb.exceptions.ListenerNotFoundException):
            self.elb.delete_listener(ListenerArn=listener)

    def healthy(self, group: str) -> None:
        def states() -> list[str]:
            found = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            return [one["TargetHealth"]["State"] for one in found]

        until(lambda: states() == ["healthy"], "a healthy target", seconds=30)

    def preserve(self, group: str, value: str) -> None:
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": PRESERVE, "Value": value}])

    def preserves(self, group: str) -> str:
        found = self.elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
        return {one["Key"]: one["Value"] for one in found}[PRESERVE]

    def clean(self) -> None:
        self.elb.delete_load_balancer(LoadBalancerArn=self.arn)


def forward(groups: list[tuple[str, int]]) -> dict:
    tuples = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": tuples}}


def asks(agent: Agent, address: str, port: int, expected: str | None, what: str, protocol: str = "tcp") -> None:
    """A change needs a moment to reach the balancer and the network: asked until it is as expected."""
    milliseconds = REFUSED_MS if expected is None else PATIENCE_MS
    seen: list = []

    def same() -> bool:
        seen.append(agent.reaches(address, port, protocol, milliseconds))
        return seen[-1] == expected

    try:
        until(same, what, seconds=30)
    except AssertionError as error:
        raise AssertionError(f"{error}: {expected} was expected, seen were {seen[-5:]}") from None


@pytest.fixture(scope="module")
def place(make_server, tmp_path_factory):
    """A server whose public addresses are real ones, and a world that routes them to it."""
    pool = real_pool(share=3)
    server = make_server("--public-pool", pool)
    lab = own_lab(server, tmp_path_factory.mktemp("lab"))
    with World(pool) as world:
        stage = Stage(lab)
        stage.process, stage.world = server, world
        yield stage
        stage.clean()
        lab.clean()


def test_tcp_targets_see_the_balancer_or_the_client(place):
    with place.served() as (port, group):
        assert place.preserves(group) == "false"
        asks(place.client.agent, place.private, port, place.private, "the balancer's address, in the VPC")
        asks(place.world.agent, place.public, port, place.private, "the balancer's address, from the world")
        place.preserve(group, "true")
        asks(place.client.agent, place.private, port, place.client.address, "the client's address, in the VPC")
        asks(place.world.agent, place.public, port, place.world.address, "the client's address, from the world")
        # The target as its own client: the packet comes from its own address, and is dropped, as on AWS.
        assert place.server.agent.reaches(place.private, port, milliseconds=REFUSED_MS) is None
        place.preserve(group, "false")
        asks(place.client.agent, place.private, port, place.private, "the balancer's address again")
        asks(place.server.agent, place.private, port, place.private, "the target reaches itself")


@pytest.mark.parametrize("protocol", ["UDP", "TCP_UDP"])
def test_udp_targets_always_see_the_client(place, protocol):
    with place.served(protocol) as (port, group):
        assert place.preserves(group) == "true"
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            place.preserve(group, "false")
        assert refused.value.response["Error"]["Code"] == "InvalidConfigurationRequest"
        for transport in ("udp", "tcp") if protocol == "TCP_UDP" else ("udp",):
            asks(place.client.agent, place.private, port, place.client.address, f"{transport} in the VPC", transport)
            asks(place.world.agent, place.public, port, place.world.address, f"{transport} from the world", transport)


def test_the_groups_of_the_target_are_asked_for_the_client(place):
    client, world = place.client.agent, place.world.agent
    with place.served(preserve="true") as (port, group):
        with place.traffic_from(place.clients):
            asks(world, place.public, port, None, "the world is no member")
            asks(client, place.private, port, place.client.address, "a member's connection")
        with place.traffic_from(f"{place.world.address}/32"):
            asks(client, place.private, port, None, "the client has another address")
            asks(world, place.public, port, place.world.address, "the world's address is allowed")
        with place.traffic_from(place.front):
            asks(client, place.private, port, None, "the load balancer's group isn't the client's")
            asks(world, place.public, port, None, "nor the world's")
            place.preserve(group, "false")
            asks(client, place.private, port, place.private, "the load balancer's group")


def test_it_outlives_the_balancer_and_the_server(place):
    def both(when: str) -> None:
        for protocol, port in (("tcp", tcp), ("udp", udp)):
            asks(place.client.agent, place.private, port, place.client.address, f"{protocol}, {when}", protocol)
            asks(place.world.agent, place.public, port, place.world.address, f"{protocol}, {when}", protocol)

    with place.served(preserve="true") as (tcp, _), place.served("UDP") as (udp, _):
        both("before")
        kill_all(processes_named(place.process.data_dir, "neargate-edge"))
        both("another balancer")
        place.process.kill()
        both("no server")
        kill_all(processes_named(place.process.data_dir, "neargate-edge"))
        both("another balancer and no server")
        place.process.up()
        both("another server")
        with place.traffic_from(place.clients):
            asks(place.world.agent, place.public, tcp, None, "rules are told again")
            asks(place.client.agent, place.private, tcp, place.client.address, "rules are told again")


def test_groups_share_a_listener_by_their_weights(place):
    """Two groups of the same target, by two of its ports: one shows the client, the other the balancer."""
    shown, hidden = place.target_group("TCP", TRAFFIC), place.target_group("TCP", TRAFFIC)
    place.preserve(shown, "true")
    client = place.client

    def seen(count: int) -> set:
        return {client.agent.reaches(place.private, port, "tcp", PATIENCE_MS) for _ in range(count)}

    with place.listener("TCP", [(shown, 1), (hidden, 1)]) as (port, listener):
        for group in (shown, hidden):
            place.healthy(group)
        action = place.elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["DefaultActions"][0]
        weights = {one["TargetGroupArn"]: one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]}
        assert weights == {shown: 1, hidden: 1}
        until(lambda: seen(10) == {client.address, place.private}, "both groups get connections", seconds=30)
        for groups, only in (([(shown, 999), (hidden, 0)], client.address), ([(shown, 0), (hidden, 1)], place.private)):
            place.elb.modify_listener(ListenerArn=listener, DefaultActions=[forward(groups)])
            until(lambda: seen(5) == {only}, "one group gets them", seconds=30)
            assert seen(20) == {only}
    for group in (shown, hidden):
        place.elb.delete_target_group(TargetGroupArn=group)


def test_a_deleted_listener_keeps_its_connections(place):
    """As AWS documents it: nothing new, and what is open goes on."""
    with place.served() as (port, _):
        until(lambda: place.client.agent.reaches(place.private, port), "the listener accepts", seconds=30)
        with socket.create_connection((place.public, port), timeout=10) as kept:
            assert kept.recv(100).decode().strip() == place.private
            (listener,) = [one["ListenerArn"] for one in listeners(place) if one["Port"] == port]
            place.elb.delete_listener(ListenerArn=listener)
            asks(place.client.agent, place.private, port, None, "the listener is gone")
            kept.settimeout(0.5)
            with pytest.raises(TimeoutError):
                kept.recv(1)
            kept.settimeout(10)
            kept.sendall(b"x")
            assert kept.recv(1) == b"", "the target ends it, in good order"


def listeners(place) -> list[dict]:
    return place.elb.describe_listeners(LoadBalancerArn=place.arn)["Listeners"]


def test_clients_of_loopback_addresses_are_seen_by_their_alias(lab):
    """Behind a loopback pool, 127.0.0.1 is 240.0.0.1 for tasks, and a rule for the one matches the other. TLS as well."""
    stage = Stage(lab)
    certificate = [{"CertificateArn": certificate_for(lab, stage.host)}]
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE

    def tcp() -> str | None:
        try:
            with socket.create_connection((stage.public, plain), timeout=10) as stream:
                return stream.recv(100).decode().strip() or None
        except OSError:
            return None

    def tls() -> str | None:
        try:
            with socket.create_connection((stage.public, secure), timeout=10) as stream:
                with trusting.wrap_socket(stream) as stream:
                    return stream.recv(100).decode().strip() or None
        except OSError:
            return None

    with (
        stage.served(preserve="true") as (plain, _),
        stage.served("TLS", preserve="true", Certificates=certificate) as (secure, _),
    ):
        for ask in (tcp, tls):
            until(lambda: ask() == "240.0.0.1", "the alias of the client", seconds=30)
        with stage.traffic_from("127.0.0.1/32"):
            until(lambda: tcp() == tls() == "240.0.0.1", "the rule lets this machine in", seconds=30)
        with stage.traffic_from(stage.clients):
            until(lambda: tcp() is None and tls() is None, "this machine is no member", seconds=60)
    stage.clean()


def test_an_application_load_balancer_as_a_target_sees_the_client(services):
    """And tells it on, in its header."""
    _, inner, _ = services.website(count=1)
    made = services.elb.create_target_group(
        Name=services.name("tg"), Protocol="TCP", Port=80, VpcId=services.vpc, TargetType="alb", HealthCheckPath="/health",
    )
    group = made["TargetGroups"][0]["TargetGroupArn"]
    services.target_groups.append(group)
    services.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": inner.arn, "Port": 80}])
    outer = services.balancer("network")
    outer.listener(group, "TCP", 80)
    services.healthy(group, 1)

    def told() -> str | None:
        found = outer.curl("/headers")
        if found.returncode != 0:
            return None
        return {name.lower(): value for name, value in json.loads(found.stdout)["headers"]}["x-forwarded-for"]

    until(lambda: told() == "240.0.0.1", "the client's address, as it is in the VPC", seconds=30)
    # The inner one can't be deleted while it is a target.
    services.elb.delete_load_balancer(LoadBalancerArn=outer.arn)
    services.elb.delete_target_group(TargetGroupArn=group)
    services.balancers.remove(outer.arn)
    services.target_groups.remove(group)
