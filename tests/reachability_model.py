"""What AWS lets through between two addresses, said anew from its documentation, and sharing nothing with the program.

`verdict` walks a request and its answer through security groups, network ACLs, route tables and gateways. Sources:
https://docs.aws.amazon.com/vpc/latest/userguide/ {vpc-network-acls, vpc-security-groups, VPC_Route_Tables,
vpc-nat-gateway, VPC_Internet_Gateway}.html, and https://docs.aws.amazon.com/vpc/latest/peering/.

Neargate's own rule beside them: the host reaches a private address whatever groups and ACLs say.
"""

from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv4Network

# What clients choose their ports from: Linux' range lies within AWS's advice of 1024-65535.
EPHEMERAL = (32768, 60999)
ECHO_REQUEST, ECHO_REPLY = 8, 0
ALL = "-1"


@dataclass(frozen=True)
class Rule:
    """One rule of a security group. Exactly one of cidr, group and prefix_list says who; ICMP has type and code as ports."""

    protocol: str = ALL
    first: int = -1
    last: int = -1
    cidr: str | None = None
    group: str | None = None
    prefix_list: str | None = None


@dataclass(frozen=True)
class AclEntry:
    number: int
    allow: bool
    egress: bool
    cidr: str = "0.0.0.0/0"
    protocol: str = ALL
    first: int = -1
    last: int = -1


@dataclass
class Group:
    vpc: str
    ingress: list[Rule] = field(default_factory=list)
    egress: list[Rule] = field(default_factory=lambda: [Rule(cidr="0.0.0.0/0")])


@dataclass(frozen=True)
class Route:
    """`to` is a CIDR or the id of a prefix list; `kind` one of igw, nat, pcx, eni, blackhole."""

    to: str
    kind: str
    target: str = ""


@dataclass
class Vpc:
    blocks: list[str]
    internet_gateway: bool = False


@dataclass
class Subnet:
    vpc: str
    cidr: str
    table: str
    acl: str = ""


@dataclass
class Interface:
    subnet: str
    private: str
    groups: list[str] = field(default_factory=list)
    public: str | None = None


@dataclass
class NatGateway:
    """A private one has no public address."""

    subnet: str
    private: str
    public: str | None = None


@dataclass
class Peering:
    vpcs: tuple[str, str]
    active: bool = True

    def other(self, vpc: str) -> str:
        return self.vpcs[1] if vpc == self.vpcs[0] else self.vpcs[0]


@dataclass
class Topology:
    """Everything by the name or id that the test gives it. An ACL or a table that isn't listed: all-allow, local only."""

    vpcs: dict[str, Vpc] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    tables: dict[str, list[Route]] = field(default_factory=dict)
    acls: dict[str, list[AclEntry]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    prefix_lists: dict[str, list[str]] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    nat_gateways: dict[str, NatGateway] = field(default_factory=dict)
    peerings: dict[str, Peering] = field(default_factory=dict)
    # Addresses in the internet that answer.
    world: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Service:
    """What is dialled: `tcp` or `udp` with a port, or `icmp`, an echo request."""

    protocol: str
    port: int = 0


@dataclass(frozen=True)
class Verdict:
    """Whether the answer comes back, which address the destination sees, and what decided."""

    allowed: bool
    reason: str
    seen: str | None = None


class Dropped(Exception):
    """A packet ends here; the text says where and why."""


def verdict(topology: Topology, source: str, destination: str, service: Service) -> Verdict:
    """`source` names an interface, or is `host`, or `world:<address>`; `destination` is the address as dialled."""
    walk = Walk(topology, service)
    try:
        if source == "host":
            seen = walk.from_host(destination)
        elif source.startswith("world:"):
            seen = walk.arrive(source.removeprefix("world:"), destination)
        else:
            seen = walk.from_interface(topology.interfaces[source], source, destination)
    except Dropped as dropped:
        return Verdict(False, str(dropped))
    return Verdict(True, "let through", seen)


class Walk:
    """One request and its answer on their way."""

    def __init__(self, topology: Topology, service: Service):
        self.topology, self.service = topology, service

    def from_host(self, destination: str) -> str | None:
        if any(one.private == destination for one in self.topology.interfaces.values()):
            return None
        raise Dropped(f"nobody has {destination}")

    def from_interface(self, sender: Interface, name: str, destination: str) -> str:
        subnet = self.topology.subnets[sender.subnet]
        self._groups(name, sender, "egress", destination, self._at(subnet.vpc, destination))
        if self._is_local(subnet.vpc, destination):
            return self._local(sender, name, destination)
        route = self._route(sender.subnet, destination)
        if route is None:
            raise Dropped(f"no route of {subnet.table} leads to {destination}")
        if route.kind == "igw":
            return self._by_internet_gateway(sender, destination)
        if route.kind == "nat":
            return self._by_nat_gateway(sender, self.topology.nat_gateways[route.target], destination)
        if route.kind == "pcx":
            return self._by_peering(sender, name, route.target, destination)
        raise Dropped(f"the route to {destination} is a {route.kind}")

    def _local(self, sender: Interface, name: str, destination: str) -> str:
        found = self._at(self.topology.subnets[sender.subnet].vpc, destination)
        if found is None:
            raise Dropped(f"nobody has {destination}")
        receiver = self.topology.interfaces[found]
        self._cross(sender.subnet, sender.private, receiver.subnet, destination)
        self._groups(found, receiver, "ingress", sender.private, name)
        return sender.private

    def _by_internet_gateway(self, sender: Interface, destination: str) -> str:
        vpc = self.topology.subnets[sender.subnet].vpc
        if not self.topology.vpcs[vpc].internet_gateway:
            raise Dropped(f"{vpc} has no internet gateway")
        if sender.public is None:
            raise Dropped(f"{sender.private} has no public address")
        self._leave_and_return(sender.subnet, destination)
        return self.arrive(sender.public, destination)

    def _by_nat_gateway(self, sender: Interface, gateway: NatGateway, destination: str) -> str:
        vpc = self.topology.subnets[sender.subnet].vpc
        if gateway.public is None:
            raise Dropped("a private NAT gateway leads to no internet")
        onward = self._route(gateway.subnet, destination)
        if onward is None or onward.kind != "igw" or not self.topology.vpcs[vpc].internet_gateway:
            raise Dropped("the NAT gateway's own subnet has no way to the internet")
        if gateway.subnet != sender.subnet:
            self._leave_and_return(sender.subnet, destination)
            self._acl(gateway.subnet, False, sender.private, answer=False)
            self._acl(gateway.subnet, True, sender.private, answer=True)
        self._leave_and_return(gateway.subnet, destination)
        return self.arrive(gateway.public, destination)

    def _by_peering(self, sender: Interface, name: str, peering_id: str, destination: str) -> str:
        peering = self.topology.peerings[peering_id]
        peer = peering.other(self.topology.subnets[sender.subnet].vpc)
        if not peering.active:
            raise Dropped(f"{peering_id} isn't active")
        found = self._at(peer, destination)
        if found is None:
            raise Dropped(f"nobody of {peer} has {destination}")
        receiver = self.topology.interfaces[found]
        self._cross(sender.subnet, sender.private, receiver.subnet, destination)
        back = self._route(receiver.subnet, sender.private)
        if self._is_local(peer, sender.private) or back is None or back.target != peering_id:
            raise Dropped(f"{receiver.subnet} has no route back by {peering_id}")
        self._groups(found, receiver, "ingress", sender.private, name)
        return sender.private

    def arrive(self, source: str, destination: str) -> str:
        """A packet in the internet, from a public address to another."""
        if destination in self.topology.world:
            return source
        found = next((name for name, one in self.topology.interfaces.items() if one.public == destination), None)
        if found is None:
            raise Dropped(f"nobody has {destination} in the internet")
        receiver = self.topology.interfaces[found]
        vpc = self.topology.subnets[receiver.subnet].vpc
        if not self.topology.vpcs[vpc].internet_gateway:
            raise Dropped(f"{vpc} has no internet gateway")
        self._acl(receiver.subnet, False, source, answer=False)
        self._groups(found, receiver, "ingress", source, None)
        back = self._route(receiver.subnet, source)
        if back is None or back.kind != "igw":
            raise Dropped(f"the answer's route from {receiver.subnet} to {source} is {back and back.kind}")
        self._acl(receiver.subnet, True, source, answer=True)
        return source

    def _cross(self, near: str, near_address: str, far: str, far_address: str) -> None:
        """Between subnets, there and back; within one subnet no ACL is asked."""
        if near != far:
            self._leave_and_return(near, far_address)
            self._acl(far, False, near_address, answer=False)
            self._acl(far, True, near_address, answer=True)

    def _leave_and_return(self, subnet: str, peer: str) -> None:
        self._acl(subnet, True, peer, answer=False)
        self._acl(subnet, False, peer, answer=True)

    def _acl(self, subnet: str, egress: bool, peer: str, answer: bool) -> None:
        """The first entry that matches decides; without one the packet is dropped."""
        acl = self.topology.subnets[subnet].acl
        if acl not in self.topology.acls:
            return
        direction = ("answer " if answer else "") + ("out of" if egress else "into")
        for entry in sorted(self.topology.acls[acl], key=lambda one: one.number):
            if entry.egress == egress and contains(entry.cidr, peer) and self._acl_matches(entry, answer):
                if entry.allow:
                    return
                raise Dropped(f"entry {entry.number} of {acl} denies the {direction} {subnet}, peer {peer}")
        raise Dropped(f"no entry of {acl} allows the {direction} {subnet}, peer {peer}")

    def _acl_matches(self, entry: AclEntry, answer: bool) -> bool:
        if entry.protocol == ALL:
            return True
        if entry.protocol != self.service.protocol:
            return False
        if entry.protocol == "icmp":
            return entry.first in (-1, ECHO_REPLY if answer else ECHO_REQUEST) and entry.last in (-1, 0)
        first, last = EPHEMERAL if answer else (self.service.port, self.service.port)
        inside = entry.first <= first and last <= entry.last
        if not inside and first <= entry.last and entry.first <= last:
            raise ValueError(f"{entry} splits the ports that clients choose from: no verdict can be certain")
        return inside

    def _groups(self, name: str, interface: Interface, direction: str, peer: str, peer_name: str | None) -> None:
        """Any rule of any group suffices. `peer_name`: who it is, when it is dialled by its private address."""
        for group in interface.groups:
            for rule in getattr(self.topology.groups[group], direction):
                if self._rule_matches(rule) and self._is_peer(rule, peer, peer_name):
                    return
        raise Dropped(f"no {direction} rule of {name}'s {interface.groups} is for {peer_name or peer}")

    def _rule_matches(self, rule: Rule) -> bool:
        if rule.protocol == ALL:
            return True
        if rule.protocol != self.service.protocol:
            return False
        if rule.protocol == "icmp":
            return rule.first in (-1, ECHO_REQUEST) and rule.last in (-1, 0)
        return rule.first <= self.service.port <= rule.last

    def _is_peer(self, rule: Rule, peer: str, peer_name: str | None) -> bool:
        if rule.cidr is not None:
            return contains(rule.cidr, peer)
        if rule.prefix_list is not None:
            return any(contains(cidr, peer) for cidr in self.topology.prefix_lists[rule.prefix_list])
        return peer_name is not None and rule.group in self.topology.interfaces[peer_name].groups

    def _route(self, subnet: str, destination: str) -> Route | None:
        """The longest prefix; at equal length a CIDR's own route is preferred to a prefix list's."""
        best, best_rank = None, (-1, False)
        for route in self.topology.tables.get(self.topology.subnets[subnet].table, []):
            is_static = route.to not in self.topology.prefix_lists
            for cidr in [route.to] if is_static else self.topology.prefix_lists[route.to]:
                rank = (IPv4Network(cidr).prefixlen, is_static)
                if contains(cidr, destination) and rank > best_rank:
                    best, best_rank = route, rank
        return best

    def _is_local(self, vpc: str, address: str) -> bool:
        return any(contains(block, address) for block in self.topology.vpcs[vpc].blocks)

    def _at(self, vpc: str, address: str) -> str | None:
        """Who has the private address: in this VPC, or in one that has an active peering with it."""
        reached = {vpc}
        if not self._is_local(vpc, address):
            reached = {one.other(vpc) for one in self.topology.peerings.values() if vpc in one.vpcs and one.active}
        for name, one in self.topology.interfaces.items():
            if one.private == address and self.topology.subnets[one.subnet].vpc in reached:
                return name
        return None


@cache
def contains(cidr: str, address: str) -> bool:
    return IPv4Address(address) in IPv4Network(cidr)
