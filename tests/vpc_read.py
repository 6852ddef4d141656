"""Reads a topology back from the API: what the server says that it has, in the model's words."""

import copy

from reachability_model import AclEntry, Route, Rule, Topology
from vpc_lab import PROTOCOL_NUMBERS, VpcLab

PROTOCOLS = {number: name for name, number in PROTOCOL_NUMBERS.items()}
# Entries above are AWS's own: the last one, which denies the rest.
RULE_NUMBER_MAX = 32766


def read_back(lab: VpcLab) -> Topology:
    """Groups, ACLs, routes and prefix lists as they are described; everything else as the lab knows it."""
    found = copy.deepcopy(lab.current)
    names = {aws_id: name for name, aws_id in lab.ids.items()}
    for name, group in found.groups.items():
        (shown,) = lab.ec2.describe_security_groups(GroupIds=[lab.ids[name]])["SecurityGroups"]
        group.ingress, group.egress = (rules_of(shown[key], names) for key in ("IpPermissions", "IpPermissionsEgress"))
    for name in found.acls:
        (shown,) = lab.ec2.describe_network_acls(NetworkAclIds=[lab.ids[name]])["NetworkAcls"]
        found.acls[name] = [entry_of(entry) for entry in shown["Entries"] if entry["RuleNumber"] <= RULE_NUMBER_MAX]
    for name in found.tables:
        (shown,) = lab.ec2.describe_route_tables(RouteTableIds=[lab.ids[name]])["RouteTables"]
        found.tables[name] = [route_of(route, names) for route in shown["Routes"] if route.get("GatewayId") != "local"]
    for name in found.prefix_lists:
        shown = lab.ec2.get_managed_prefix_list_entries(PrefixListId=lab.ids[name])["Entries"]
        found.prefix_lists[name] = [entry["Cidr"] for entry in shown]
    return found


def rules_of(permissions: list[dict], names: dict[str, str]) -> list[Rule]:
    found = []
    for one in permissions:
        traffic = (one["IpProtocol"], one.get("FromPort", -1), one.get("ToPort", -1))
        found += [Rule(*traffic, cidr=each["CidrIp"]) for each in one.get("IpRanges", [])]
        found += [Rule(*traffic, group=names[each["GroupId"]]) for each in one.get("UserIdGroupPairs", [])]
        found += [Rule(*traffic, prefix_list=names[each["PrefixListId"]]) for each in one.get("PrefixListIds", [])]
    return found


def entry_of(entry: dict) -> AclEntry:
    first, last = -1, -1
    if "PortRange" in entry:
        first, last = entry["PortRange"]["From"], entry["PortRange"]["To"]
    elif "IcmpTypeCode" in entry:
        first, last = entry["IcmpTypeCode"]["Type"], entry["IcmpTypeCode"]["Code"]
    return AclEntry(entry["RuleNumber"], entry["RuleAction"] == "allow", entry["Egress"], entry["CidrBlock"],
                    PROTOCOLS[entry["Protocol"]], first, last)


def route_of(route: dict, names: dict[str, str]) -> Route:
    to = names[route["DestinationPrefixListId"]] if "DestinationPrefixListId" in route else route["DestinationCidrBlock"]
    kinds = {"GatewayId": "igw", "NatGatewayId": "nat", "VpcPeeringConnectionId": "pcx", "NetworkInterfaceId": "eni"}
    for key, kind in kinds.items():
        if key in route:
            return Route(to, kind if route["State"] == "active" else "blackhole", names.get(route[key], route[key]))
    return Route(to, "blackhole")


def same(one: Topology, other: Topology) -> list[str]:
    """What two states say differently, without regard to order."""
    wrong = []
    for name in one.groups:
        for direction in ("ingress", "egress"):
            mine, theirs = (set(getattr(each.groups[name], direction)) for each in (one, other))
            wrong += [f"{name} {direction}: {rule}" for rule in mine ^ theirs]
    for kind in ("acls", "tables", "prefix_lists"):
        for name in getattr(one, kind):
            mine, theirs = (set(getattr(each, kind)[name]) for each in (one, other))
            wrong += [f"{name}: {each}" for each in mine ^ theirs]
    return wrong
