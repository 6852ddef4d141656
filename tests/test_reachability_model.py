"""The model itself, by what AWS's documentation says in words. None of these needs the program."""

import copy

import pytest

from reachability_model import AclEntry, Group, Interface, NatGateway, Peering, Route, Rule, Service, Subnet, Topology, Vpc, verdict

WEB, PING = Service("tcp", 8080), Service("icmp")
WORLD = "198.51.100.2"
EVERYONE = "0.0.0.0/0"


def topology() -> Topology:
    return Topology(
        vpcs={"a": Vpc(["10.0.0.0/16"], internet_gateway=True), "c": Vpc(["10.1.0.0/16"])},
        subnets={
            "public": Subnet("a", "10.0.0.0/24", "out"),
            "private": Subnet("a", "10.0.1.0/24", "behind"),
            "peer": Subnet("c", "10.1.0.0/24", "back"),
        },
        tables={
            "out": [Route(EVERYONE, "igw")],
            "behind": [Route(EVERYONE, "nat", "nat"), Route("10.1.0.0/16", "pcx", "pcx")],
            "back": [Route("10.0.0.0/16", "pcx", "pcx")],
        },
        groups={"open": Group("a", [Rule(cidr=EVERYONE)]), "closed": Group("a"), "c": Group("c", [Rule(group="open")])},
        interfaces={
            "one": Interface("public", "10.0.0.10", ["open"], "203.0.113.1"),
            "two": Interface("public", "10.0.0.11", ["closed"], "203.0.113.2"),
            "hidden": Interface("private", "10.0.1.10", ["open"]),
            "far": Interface("peer", "10.1.0.10", ["c"]),
        },
        nat_gateways={"nat": NatGateway("public", "10.0.0.99", "203.0.113.99")},
        peerings={"pcx": Peering(("a", "c"))},
        world={WORLD},
    )


def deny(egress: bool, number: int = 100, **fields) -> AclEntry:
    return AclEntry(number, False, egress, **fields)


def allow(egress: bool, number: int = 200, **fields) -> AclEntry:
    return AclEntry(number, True, egress, **fields)


OPEN = [allow(False), allow(True)]

CASES = {
    "local": ("one", "10.0.1.10", WEB, {}, "10.0.0.10"),
    "the receiver's group decides": ("one", "10.0.0.11", WEB, {}, None),
    "the sender's too": ("one", "10.0.1.10", WEB, {"egress": {"open": []}}, None),
    "by the internet gateway, as its public address": ("one", WORLD, WEB, {}, "203.0.113.1"),
    "without a public address": ("one", WORLD, WEB, {"public": {"one": None}}, None),
    "by the NAT gateway, as its address": ("hidden", WORLD, WEB, {}, "203.0.113.99"),
    "a NAT gateway in a subnet without a way out": ("hidden", WORLD, WEB, {"tables": {"out": []}}, None),
    "from the world": (f"world:{WORLD}", "203.0.113.1", WEB, {}, WORLD),
    "from the world, where a group is closed": (f"world:{WORLD}", "203.0.113.2", WEB, {}, None),
    "from the world to a NAT gateway": (f"world:{WORLD}", "203.0.113.99", WEB, {}, None),
    "from the world to a subnet whose answers go to a NAT gateway": (
        f"world:{WORLD}", "203.0.113.3", WEB, {"public": {"hidden": "203.0.113.3"}}, None),
    "by peering, and the reference to a group there": ("hidden", "10.1.0.10", WEB, {}, "10.0.1.10"),
    "by peering without a route back": ("hidden", "10.1.0.10", WEB, {"tables": {"back": []}}, None),
    "by peering without a route there": ("one", "10.1.0.10", WEB, {}, None),
    "the longest prefix": ("one", WORLD, WEB, {"tables": {"out": [Route(EVERYONE, "igw"), Route(f"{WORLD}/32", "blackhole")]}}, None),
    "an ACL is not asked within a subnet": ("one", "10.0.0.11", WEB, {"acls": {"public": []}, "ingress": {"closed": [Rule(cidr=EVERYONE)]}},
                                            "10.0.0.10"),
    "an ACL without entries": ("one", "10.0.1.10", WEB, {"acls": {"private": []}}, None),
    "the lowest number first": ("one", "10.0.1.10", WEB, {"acls": {"private": [deny(False), *OPEN]}}, None),
    "a deny that is too late": ("one", "10.0.1.10", WEB, {"acls": {"private": [deny(False, 300), *OPEN]}}, "10.0.0.10"),
    "answers need leave too": ("one", "10.0.1.10", WEB, {"acls": {"private": [
        allow(False), allow(True, protocol="tcp", first=8080, last=8080)]}}, None),
    "answers at ephemeral ports": ("one", "10.0.1.10", WEB, {"acls": {"private": [
        allow(False), allow(True, protocol="tcp", first=1024, last=65535)]}}, "10.0.0.10"),
    "echo replies are of type 0": ("one", "10.0.1.10", PING, {"acls": {"private": [
        allow(False), deny(True, protocol="icmp", first=0), *OPEN]}}, None),
    "the NAT gateway's ACL": ("hidden", WORLD, WEB, {"acls": {"public": [deny(True, cidr=f"{WORLD}/32"), *OPEN]}}, None),
    "the NAT gateway's ACL, of answers": ("hidden", WORLD, WEB, {"acls": {"public": [deny(False, cidr=f"{WORLD}/32"), *OPEN]}}, None),
    "a group's own members": ("one", "10.0.1.10", WEB, {"ingress": {"open": [Rule(group="open")]}}, "10.0.0.10"),
    "a group's members, dialled by a public address": ("one", "203.0.113.2", WEB, {"ingress": {"closed": [Rule(group="open")]}}, None),
    "a public address as a source": ("one", "203.0.113.2", WEB, {"ingress": {"closed": [Rule(cidr="203.0.113.1/32")]}}, "203.0.113.1"),
    "a prefix list": ("one", "10.0.0.11", WEB, {"lists": {"l": ["10.0.0.8/29"]}, "ingress": {"closed": [Rule(prefix_list="l")]}}, "10.0.0.10"),
    "another port": ("one", "10.0.0.11", WEB, {"ingress": {"closed": [Rule("tcp", 8081, 9000, cidr=EVERYONE)]}}, None),
    "ICMP by type": ("one", "10.0.0.11", PING, {"ingress": {"closed": [Rule("icmp", 8, -1, cidr=EVERYONE)]}}, "10.0.0.10"),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str):
    source, destination, service, changes, seen = CASES[name]
    changed = changed_by(topology(), changes)
    answer = verdict(changed, source, destination, service)
    assert (answer.allowed, answer.seen) == (seen is not None, seen), answer.reason


def changed_by(made: Topology, changes: dict) -> Topology:
    made = copy.deepcopy(made)
    made.tables |= changes.get("tables", {})
    made.prefix_lists |= changes.get("lists", {})
    for subnet, entries in changes.get("acls", {}).items():
        made.subnets[subnet].acl, made.acls[f"acl of {subnet}"] = f"acl of {subnet}", entries
    for direction in ("ingress", "egress"):
        for group, rules in changes.get(direction, {}).items():
            setattr(made.groups[group], direction, rules)
    for name, address in changes.get("public", {}).items():
        made.interfaces[name].public = address
    return made


def test_the_host_and_private_addresses():
    """Groups and ACLs are about tasks and the world."""
    made = changed_by(topology(), {"acls": {"public": []}})
    assert verdict(made, "host", "10.0.0.11", WEB).allowed
    assert not verdict(made, "host", "10.0.0.12", WEB).allowed


def test_no_verdict_by_chance():
    """An entry that splits the range of clients' ports has no certain answer."""
    made = changed_by(topology(), {"acls": {"private": [allow(True, protocol="tcp", first=40000, last=50000), allow(False)]}})
    with pytest.raises(ValueError):
        verdict(made, "one", "10.0.1.10", WEB)
