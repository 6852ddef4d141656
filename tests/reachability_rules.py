"""Seeded rule sets over one topology: what a round of the reachability test applies and asks. Pure; needs no program."""

import copy
import random

from reachability_model import AclEntry, Group, Interface, NatGateway, Peering, Route, Rule, Service, Subnet, Topology, Vpc

EVERYONE = "0.0.0.0/0"
PORTS = (8080, 8443, 9090)
SERVICES = [*[Service("tcp", port) for port in PORTS], *[Service("udp", port) for port in PORTS], Service("icmp")]
PROBES_PER_SET = 72
# Ranges hold all of the clients' ports or none: otherwise no verdict would be certain.
PORT_RANGES = [(8080, 8080), (8443, 8443), (8080, 8443), (8444, 9090), (1, 1023), (0, 65535), (8000, 32000)]
ANSWER_RANGES = [(1024, 65535), (32768, 65535), (0, 65535)]


def copy_of(number: int) -> Topology:
    """The VPCs of one copy: `a` with four subnets, `b` with a's block, and `c`, a peer of a."""
    a, c = f"10.{20 + number}", f"10.{120 + number}"
    return Topology(
        vpcs={"a": Vpc([f"{a}.0.0/16"], True), "b": Vpc([f"{a}.0.0/16"], True), "c": Vpc([f"{c}.0.0/16"], True)},
        subnets={
            "public": Subnet("a", f"{a}.0.0/24", "table public", "acl public"),
            "gateways": Subnet("a", f"{a}.1.0/24", "table gateways", "acl gateways"),
            "private": Subnet("a", f"{a}.2.0/24", "table private", "acl private"),
            "same block": Subnet("b", f"{a}.0.0/24", "table b", "acl b"),
            "peer": Subnet("c", f"{c}.0.0/24", "table c", "acl c"),
        },
        interfaces={
            "public one": Interface("public", "", ["web", "all"], ""),
            "public two": Interface("public", "", ["data"], ""),
            "private one": Interface("private", "", ["web"]),
            "private two": Interface("private", "", ["data", "all"]),
            "twin": Interface("same block", "", ["twins"], ""),
            "peer": Interface("peer", "", ["peers"], ""),
        },
        groups={name: Group(vpc) for name, vpc in (("web", "a"), ("data", "a"), ("all", "a"), ("twins", "b"), ("peers", "c"))},
        nat_gateways={"nat": NatGateway("gateways", "", "")},
        peerings={"pcx": Peering(("a", "c"))},
    )


def addressed(topology: Topology, world: str) -> Topology:
    """Addresses by guess: for the generator's own tests."""
    made = copy.deepcopy(topology)
    for place, one in enumerate(made.interfaces.values()):
        one.private = made.subnets[one.subnet].cidr.replace(".0/24", f".{10 + place}")
        one.public = one.public if one.public is None else f"203.0.113.{10 + place}"
    made.nat_gateways["nat"].private, made.nat_gateways["nat"].public = "10.20.1.99", "203.0.113.99"
    made.world = {world}
    return made


class RuleSet:
    """One random state of a topology whose addresses are known. The same seed makes the same set."""

    def __init__(self, seed: int, base: Topology, world_seen: str):
        self.chance, self.base, self.world_seen = random.Random(seed), base, world_seen
        self.topology = copy.deepcopy(base)
        made = self.topology
        made.prefix_lists["list"] = self._some_cidrs(3)
        for name in made.groups:
            made.groups[name] = self._group(made.groups[name].vpc)
        for subnet in made.subnets.values():
            made.acls[subnet.acl] = self._acl()
        for name, vpc in (("public", "a"), ("gateways", "a"), ("b", "b"), ("c", "c")):
            made.tables[f"table {name}"] = self._routes(f"igw of {vpc}", "igw")
        made.tables["table private"] = self._routes("nat", "nat")
        # Both ways of the peering, each by its own throw.
        for table, to in (("public", "c"), ("private", "c"), ("c", "a")):
            if self.chance.random() < 0.8:
                made.tables[f"table {table}"].append(Route(made.vpcs[to].blocks[0], "pcx", "pcx"))

    def probes(self, from_tasks_to_public: bool) -> list[tuple[str, str, Service]]:
        """Sources, addresses as dialled, and services: a sample of all that there are."""
        found = []
        (world,) = self.base.world
        for name, one in self.base.interfaces.items():
            vpc = self.base.subnets[one.subnet].vpc
            found.append((name, world))
            if vpc != "b":
                found.append(("host", one.private))
            if one.public:
                found.append(("world", one.public))
            for peer_name, peer in self.base.interfaces.items():
                if peer_name != name:
                    found.append((name, peer.private))
                    if peer.public and from_tasks_to_public:
                        found.append((name, peer.public))
        # To oneself isn't asked: that never leaves the task.
        found = [(source, to) for source, to in found if source not in self.base.interfaces or self.base.interfaces[source].private != to]
        asked = [(source, to, service) for source, to in found for service in SERVICES]
        return self.chance.sample(asked, min(PROBES_PER_SET, len(asked)))

    def _group(self, vpc: str) -> Group:
        made = Group(vpc, [self._rule(vpc) for _ in range(self.chance.randint(0, 4))])
        if self.chance.random() < 0.4:
            made.egress = [self._rule(vpc) for _ in range(self.chance.randint(0, 4))]
        return Group(vpc, without_doubles(made.ingress), without_doubles(made.egress))

    def _rule(self, vpc: str) -> Rule:
        protocol, first, last = self._traffic(PORT_RANGES)
        if protocol == "icmp" and first == -1:
            last = -1
        kind = self.chance.choices(["cidr", "group", "list"], [6, 4, 1])[0]
        if kind == "group":
            seen_from = {"a": ("a", "c"), "b": ("b",), "c": ("a", "c")}[vpc]
            names = [name for name, group in self.base.groups.items() if group.vpc in seen_from]
            return Rule(protocol, first, last, group=self.chance.choice(names))
        if kind == "list":
            return Rule(protocol, first, last, prefix_list="list")
        return Rule(protocol, first, last, cidr=self._cidr())

    def _traffic(self, ranges: list[tuple[int, int]]) -> tuple[str, int, int]:
        protocol = self.chance.choice(["-1", "tcp", "tcp", "udp", "icmp"])
        if protocol == "-1":
            return protocol, -1, -1
        if protocol == "icmp":
            return protocol, *self.chance.choice([(-1, -1), (8, -1), (8, 0), (0, -1), (3, -1)])
        return protocol, *self.chance.choice(ranges)

    def _cidr(self) -> str:
        interfaces = list(self.base.interfaces.values())
        one = self.chance.choice(interfaces)
        choices = [EVERYONE, EVERYONE, f"{self.world_seen}/32", f"{one.private}/32", self.base.subnets[one.subnet].cidr,
                   self.chance.choice(list(self.base.vpcs.values())).blocks[0]]
        public = [f"{each.public}/32" for each in interfaces if each.public]
        public += [f"{gateway.public}/32" for gateway in self.base.nat_gateways.values() if gateway.public]
        choices += [self.chance.choice(public), f"{next(iter(self.base.world))}/32"]
        return self.chance.choice(choices)

    def _some_cidrs(self, count: int) -> list[str]:
        return sorted({self._cidr() for _ in range(self.chance.randint(1, count))})

    def _acl(self) -> list[AclEntry]:
        """Mostly open, with something denied before; sometimes only what is listed."""
        style = self.chance.choices(["open", "denies", "listed"], [5, 4, 2])[0]
        entries = []
        for egress in (False, True):
            number = 100
            for _ in range({"open": 0, "denies": 2, "listed": 2}[style]):
                protocol, first, last = self._traffic([*PORT_RANGES, *ANSWER_RANGES] if style == "listed" else PORT_RANGES)
                entries.append(AclEntry(number, style == "listed", egress, self._cidr(), protocol, first, last))
                number += self.chance.randint(1, 50)
            if style == "listed" and self.chance.random() < 0.8:
                entries += [AclEntry(900 + place, True, egress, EVERYONE, protocol, *self.chance.choice(ANSWER_RANGES))
                            for place, protocol in enumerate(("tcp", "udp"))]
            if style != "listed":
                entries.append(AclEntry(1000, True, egress))
        return [entry for entry in entries if entry.protocol != "icmp" or entry.first in (-1, 0, 3, 8)]

    def _routes(self, target: str, kind: str) -> list[Route]:
        roll = self.chance.random()
        if roll < 0.1:
            return []
        if roll < 0.25:
            return [Route(f"{next(iter(self.base.world))}/32", kind, target)]
        return [Route(EVERYONE, kind, target)]


def without_doubles(rules: list[Rule]) -> list[Rule]:
    """AWS refuses a rule that is there already, and ports beside the protocol `all` mean nothing."""
    return list(dict.fromkeys(rules))
