"""A bench for networks: builds a topology of the model by the API, changes it, and asks the tasks in it what they reach.

The model's `Topology` is the one description: `VpcLab.build` makes it, `VpcLab.apply` brings what was made to another state.
"""

import copy
import ctypes
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import images
import workload_image
from neargate_server import free_port
from reachability_model import AclEntry, Route, Rule, Service, Topology, Verdict, verdict
from task_lab import Lab, Task
from waiting import until

PROBE = Path(__file__).resolve().parent / "workload/probe.py"
PORTS = (8080, 8443, 9090)
CONTROL_PORT = 9000
PROBE_MS = int(os.environ.get("NEARGATE_PROBE_MS", "400"))
PROTOCOL_NUMBERS = {"-1": "-1", "icmp": "1", "tcp": "6", "udp": "17"}
CLONE_NEWNET = 0x40000000
names = itertools.count(1)


def slot() -> int:
    """A number below 24 for this process: workers of one run differ, other runs on this machine most likely do."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return os.getpid() % 12 * 2 + int(worker) % 2


class Agent:
    """A control connection to workload/probe.py, made inside its network namespace: no rule of any VPC touches it."""

    def __init__(self, namespace: str, port: int = CONTROL_PORT):
        self.namespace, self.port = namespace, port
        until(self._connects, f"a probe in {namespace}", seconds=20)
        self.file = self.socket.makefile("rwb")

    def _connects(self) -> bool:
        try:
            self.socket = inside(self.namespace, lambda: socket.create_connection(("127.0.0.1", self.port), timeout=30))
            return True
        except OSError:
            return False

    def send(self, order) -> None:
        self.file.write(json.dumps(order).encode() + b"\n")
        self.file.flush()

    def receive(self):
        told = json.loads(self.file.readline())
        assert not (isinstance(told, dict) and "error" in told), told
        return told

    def ask(self, order):
        self.send(order)
        return self.receive()

    def reaches(self, address: str, port: int = PORTS[0], protocol: str = "tcp", milliseconds: int = PROBE_MS) -> str | None:
        """The address that the other side saw."""
        return self.ask([[protocol, address, port, milliseconds]])[0]

    def another(self) -> "Agent":
        """A second connection: one is for one thread."""
        return Agent(self.namespace, self.port)

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def inside(namespace: str, do: Callable):
    """Does it in a network namespace: on a thread of its own, which alone goes there. Sockets made there stay there."""
    got: dict = {}

    def run() -> None:
        try:
            with open(namespace) as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
                got["value"] = do()
        except OSError as error:
            got["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in got:
        raise got["error"]
    return got["value"]


class World:
    """The internet of a test: a namespace beside the host, reached through it, with something that answers."""

    def __init__(self, pool: str | None = None):
        self.name = f"ngw{os.getpid()}x{next(names)}"
        third = (slot() * 2 + next(names)) % 63
        self.host, self.address = f"198.51.100.{third * 4 + 1}", f"198.51.100.{third * 4 + 2}"
        self.pool, self.process = pool, None

    def __enter__(self) -> "World":
        # Not as the program's own links are named, which begin with "ng": a host tells the world from VPCs by that.
        link = f"wo{os.getpid() % 100000}x{next(names) % 1000}"
        near, far = f"{link}a", f"{link}b"
        ip("netns", "add", self.name)
        ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", self.name)
        self.near = near
        ip("address", "add", f"{self.host}/30", "dev", near)
        ip("link", "set", near, "up")
        ip("-n", self.name, "address", "add", f"{self.address}/30", "dev", far)
        ip("-n", self.name, "link", "set", far, "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        if self.pool:
            ip("-n", self.name, "route", "add", self.pool, "via", self.host)
        self.process = probe_process(PORTS, CONTROL_PORT, "ip", "netns", "exec", self.name)
        self.agent = Agent(f"/run/netns/{self.name}")
        self.another = self.agent.another
        return self

    def __exit__(self, *_) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        ip("link", "delete", self.near, check=False)
        ip("netns", "delete", self.name, check=False)


def ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert not check or done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def probe_process(ports: tuple[int, ...], control_port: int, *prefix: str) -> subprocess.Popen:
    environment = {**os.environ, "PORTS": ",".join(map(str, ports)), "CONTROL_PORT": str(control_port)}
    return subprocess.Popen([*prefix, sys.executable, "-I", str(PROBE)], env=environment, stdout=subprocess.DEVNULL)


class Host:
    """The host as a client."""

    def __enter__(self) -> "Host":
        port = free_port()
        self.process = probe_process((), port)
        self.agent = Agent("/proc/self/ns/net", port)
        self.another = self.agent.another
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()


def probe_image(lab: Lab) -> str:
    if "probe" not in lab.pushed:
        layers = [images.busybox_layer(), workload_image.python_layer(), images.file_layer("app/probe.py", PROBE.read_bytes())]
        config = {"Cmd": ["/usr/bin/python", "-I", "-S", "/app/probe.py"], "Env": ["PATH=/bin:/usr/bin", "PYTHONUNBUFFERED=1"]}
        lab.pushed["probe"] = lab.push("probe", layers, config)
    return lab.pushed["probe"]


def namespace_of(task: Task) -> str:
    """The network namespace of a task's container, by its process on the host."""
    def find() -> str | None:
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    if b"probe.py" in (process / "cmdline").read_bytes() and task.id in (process / "cgroup").read_text():
                        return str(process / "ns/net")
                except OSError:
                    continue
        return None
    return until(find, f"the process of {task.id}", seconds=20)


class VpcLab:
    """One topology on one server. `ids` has AWS's id of everything that the topology names."""

    def __init__(self, lab: Lab, topology: Topology):
        self.lab, self.ec2 = lab, lab.client("ec2")
        self.wanted, self.ids = topology, {}
        self.tasks: dict[str, Task] = {}
        self.agents: dict[str, Agent] = {}
        self.allocations: list[str] = []
        self.current = topology

    def build(self) -> "VpcLab":
        wanted = copy.deepcopy(self.wanted)
        self.current = Topology(
            vpcs=wanted.vpcs, subnets=wanted.subnets, interfaces=wanted.interfaces, nat_gateways=wanted.nat_gateways,
            peerings=wanted.peerings, world=wanted.world,
        )
        self._vpcs()
        self._subnets()
        self._peerings()
        self._nat_gateways()
        # What was made empty is described so, unless the topology says more.
        wanted.acls, wanted.tables = self.current.acls | wanted.acls, self.current.tables | wanted.tables
        self.apply(wanted)
        self._tasks()
        return self

    def _vpcs(self) -> None:
        for name, vpc in self.current.vpcs.items():
            first, *more = vpc.blocks
            self.ids[name] = self.ec2.create_vpc(CidrBlock=first)["Vpc"]["VpcId"]
            for block in more:
                self.ec2.associate_vpc_cidr_block(VpcId=self.ids[name], CidrBlock=block)
            gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
            self.ids[f"igw of {name}"] = gateway
            if vpc.internet_gateway:
                self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.ids[name])

    def _subnets(self) -> None:
        zone = self.ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
        for name, subnet in self.current.subnets.items():
            vpc = self.ids[subnet.vpc]
            made = self.ec2.create_subnet(VpcId=vpc, CidrBlock=subnet.cidr, AvailabilityZone=zone)
            self.ids[name] = made["Subnet"]["SubnetId"]
            if subnet.table not in self.ids:
                self.ids[subnet.table] = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
                self.current.tables[subnet.table] = []
            self.ec2.associate_route_table(RouteTableId=self.ids[subnet.table], SubnetId=self.ids[name])
            if subnet.acl:
                self._acl(name, subnet.acl, vpc)

    def _acl(self, subnet: str, acl: str, vpc: str) -> None:
        if acl not in self.ids:
            self.ids[acl] = self.ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
            self.current.acls[acl] = []
        found = self.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [self.ids[subnet]]}])
        (association,) = [one for one in found["NetworkAcls"][0]["Associations"] if one["SubnetId"] == self.ids[subnet]]
        self.ec2.replace_network_acl_association(
            AssociationId=association["NetworkAclAssociationId"], NetworkAclId=self.ids[acl]
        )

    def _peerings(self) -> None:
        for name, peering in self.current.peerings.items():
            one, other = (self.ids[vpc] for vpc in peering.vpcs)
            made = self.ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"]
            self.ids[name] = made["VpcPeeringConnectionId"]
            self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=self.ids[name])

    def _nat_gateways(self) -> None:
        for name, gateway in self.current.nat_gateways.items():
            allocation = self.ec2.allocate_address(Domain="vpc")
            self.allocations.append(allocation["AllocationId"])
            made = self.ec2.create_nat_gateway(SubnetId=self.ids[gateway.subnet], AllocationId=self.allocations[-1])
            self.ids[name] = made["NatGateway"]["NatGatewayId"]
        for name, gateway in self.current.nat_gateways.items():
            def available() -> dict | None:
                (found,) = self.ec2.describe_nat_gateways(NatGatewayIds=[self.ids[name]])["NatGateways"]
                assert found["State"] in ("pending", "available"), found
                return found["NatGatewayAddresses"][0] if found["State"] == "available" else None
            address = until(available, f"{name} available", seconds=20)
            gateway.private, gateway.public = address["PrivateIp"], address["PublicIp"]

    def _tasks(self) -> None:
        """Starts everything before it waits for anything."""
        variables = [{"name": "PORTS", "value": ",".join(map(str, PORTS))}]
        definition = self.lab.define(self.lab.container(image=probe_image(self.lab), environment=variables, stopTimeout=2))
        for name, interface in self.current.interfaces.items():
            network = {
                "subnets": [self.ids[interface.subnet]], "securityGroups": [self.ids[group] for group in interface.groups],
                "assignPublicIp": "ENABLED" if interface.public is not None else "DISABLED",
            }
            self.tasks[name] = self.lab.follow(self.lab.ecs.run_task(
                taskDefinition=definition, launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": network},
            ))
        for name, task in self.tasks.items():
            self.ids[f"task {name}"] = task.arn
            task.running()
            self.current.interfaces[name].private = task.address
            eni = task.interface["networkInterfaceId"]
            if self.current.interfaces[name].public is not None:
                (shown,) = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
                self.current.interfaces[name].public = shown["Association"]["PublicIp"]
            self.agents[name] = Agent(namespace_of(task))

    def apply(self, wanted: Topology) -> None:
        """Brings groups, prefix lists, ACLs and routes to what is wanted, with as few calls as it takes."""
        wanted = copy.deepcopy(wanted)
        for name, cidrs in wanted.prefix_lists.items():
            self._prefix_list(name, cidrs)
        self._groups(wanted)
        for acl, entries in wanted.acls.items():
            self._acl_entries(acl, entries)
        for table, routes in wanted.tables.items():
            self._routes(table, routes)
        self.current = wanted

    def _prefix_list(self, name: str, cidrs: list[str]) -> None:
        if name not in self.ids:
            made = self.ec2.create_managed_prefix_list(
                PrefixListName=f"{name}-{os.getpid()}-{next(names)}", MaxEntries=10, AddressFamily="IPv4",
                Entries=[{"Cidr": cidr} for cidr in cidrs],
            )
            self.ids[name] = made["PrefixList"]["PrefixListId"]
            self.current.prefix_lists[name] = list(cidrs)
            return
        before = set(self.current.prefix_lists[name])
        changes = {"AddEntries": set(cidrs) - before, "RemoveEntries": before - set(cidrs)}
        if any(changes.values()):
            (found,) = self.ec2.describe_managed_prefix_lists(PrefixListIds=[self.ids[name]])["PrefixLists"]
            self.ec2.modify_managed_prefix_list(
                PrefixListId=self.ids[name], CurrentVersion=found["Version"],
                **{key: [{"Cidr": cidr} for cidr in sorted(value)] for key, value in changes.items() if value},
            )

    def _groups(self, wanted: Topology) -> None:
        for name, group in wanted.groups.items():
            if name not in self.ids:
                self.ids[name] = self.ec2.create_security_group(
                    GroupName=f"{name}-{os.getpid()}-{next(names)}", Description="tests", VpcId=self.ids[group.vpc]
                )["GroupId"]
                self.current.groups[name] = copy.deepcopy(group)
                self.current.groups[name].ingress, self.current.groups[name].egress = [], [Rule(cidr="0.0.0.0/0")]
        for name, group in wanted.groups.items():
            for direction in ("ingress", "egress"):
                before, after = (set(getattr(one, direction)) for one in (self.current.groups[name], group))
                for verb, rules in (("revoke", before - after), ("authorize", after - before)):
                    if rules:
                        call = getattr(self.ec2, f"{verb}_security_group_{direction}")
                        call(GroupId=self.ids[name], IpPermissions=[self.permission(rule) for rule in sorted(rules, key=repr)])

    def permission(self, rule: Rule) -> dict:
        made: dict = {"IpProtocol": rule.protocol}
        if rule.protocol != "-1":
            made |= {"FromPort": rule.first, "ToPort": rule.last}
        if rule.cidr is not None:
            return made | {"IpRanges": [{"CidrIp": rule.cidr}]}
        if rule.prefix_list is not None:
            return made | {"PrefixListIds": [{"PrefixListId": self.ids[rule.prefix_list]}]}
        return made | {"UserIdGroupPairs": [{"GroupId": self.ids[rule.group]}]}

    def _acl_entries(self, acl: str, entries: list[AclEntry]) -> None:
        key = lambda entry: (entry.number, entry.egress)  # noqa: E731
        before = {key(entry): entry for entry in self.current.acls[acl]}
        after = {key(entry): entry for entry in entries}
        for number, egress in before.keys() - after.keys():
            self.ec2.delete_network_acl_entry(NetworkAclId=self.ids[acl], RuleNumber=number, Egress=egress)
        for place, entry in after.items():
            if before.get(place) != entry:
                call = self.ec2.replace_network_acl_entry if place in before else self.ec2.create_network_acl_entry
                call(NetworkAclId=self.ids[acl], **acl_arguments(entry))

    def _routes(self, table: str, routes: list[Route]) -> None:
        before = {route.to: route for route in self.current.tables[table]}
        after = {route.to: route for route in routes}
        for to in before.keys() - after.keys():
            self.ec2.delete_route(RouteTableId=self.ids[table], **self._destination(to))
        for to, route in after.items():
            if before.get(to) != route:
                call = self.ec2.replace_route if to in before else self.ec2.create_route
                call(RouteTableId=self.ids[table], **self._destination(to), **self._target(route))

    def _destination(self, to: str) -> dict:
        return {"DestinationPrefixListId": self.ids[to]} if to in self.ids else {"DestinationCidrBlock": to}

    def _target(self, route: Route) -> dict:
        key = {"igw": "GatewayId", "nat": "NatGatewayId", "pcx": "VpcPeeringConnectionId", "eni": "NetworkInterfaceId"}
        return {key[route.kind]: self.ids[route.target]}

    def end(self) -> None:
        for agent in self.agents.values():
            agent.close()
        for task in self.tasks.values():
            task.stop()


def acl_arguments(entry: AclEntry) -> dict:
    made = {
        "RuleNumber": entry.number, "Egress": entry.egress, "RuleAction": "allow" if entry.allow else "deny",
        "Protocol": PROTOCOL_NUMBERS[entry.protocol], "CidrBlock": entry.cidr,
    }
    if entry.protocol == "icmp":
        made["IcmpTypeCode"] = {"Type": entry.first, "Code": entry.last}
    elif entry.protocol != "-1":
        made["PortRange"] = {"From": entry.first, "To": entry.last}
    return made


Probe = tuple[str, str, Service]


def ask_all(agents: dict[str, Agent], probes: list[Probe], milliseconds: int = PROBE_MS) -> list[str | None]:
    """What each (source, destination, service) got; every source asks at once."""
    by_source: dict[str, list[int]] = {}
    for place, (source, _, _) in enumerate(probes):
        by_source.setdefault(source, []).append(place)
    for source, places in by_source.items():
        agents[source].send([[probes[place][2].protocol, probes[place][1], probes[place][2].port, milliseconds] for place in places])
    got: list[str | None] = [None] * len(probes)
    for source, places in by_source.items():
        for place, answer in zip(places, agents[source].receive(), strict=True):
            got[place] = answer
    return got


def differences(topology: Topology, probes: list[Probe], got: list[str | None], seen_as: Callable[[str], set[str]]) -> list[str]:
    """Where the packets disagree with the model. `seen_as`: the forms in which an address may be seen."""
    wrong = []
    for (source, destination, service), answer in zip(probes, got, strict=True):
        model: Verdict = verdict(topology, source, destination, service)
        text = f"{source} -> {destination} {service.protocol}/{service.port}"
        if (answer is not None) != model.allowed:
            wrong.append(f"{text}: {'reached' if answer is not None else 'not reached'}, but by the model: {model.reason}")
        elif answer and model.seen and answer not in seen_as(model.seen):
            wrong.append(f"{text}: seen as {answer}, by the model as {model.seen}")
    return wrong
