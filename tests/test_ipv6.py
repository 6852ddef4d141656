"""Dual stack, by packets: a VPC made as Terraform's VPC module makes it with enable_ipv6, and tasks in it."""

import ipaddress
import itertools
import os
import uuid

import botocore.exceptions
import pytest

from test_reachability import lab_of
from vpc_lab import PORTS, Agent, World, ip, namespace_of, probe_image, slot
from waiting import until

SETTLE_SECONDS = 30
EVERYONE, EVERYONE_V6 = "0.0.0.0/0", "::/0"
WEB = PORTS[0]
names = itertools.count(1)


def pool(share: int) -> str:
    """Addresses for documentation, of which only this run routes these to the host; each server has a share."""
    return f"2001:db8:{0x1000 + slot() * 16 + share:x}::/48"


class DualWorld(World):
    """The internet of a test with IPv6: it knows the way to the pool, as an operator's routers do."""

    def __init__(self, pool: str):
        super().__init__()
        self.routed = pool
        link = f"2001:db8:{0x2000 + slot() * 64 + next(names):x}"
        self.host_v6, self.address_v6 = f"{link}::1", f"{link}::2"

    def __enter__(self) -> "DualWorld":
        super().__enter__()
        far = self.near.removesuffix("a") + "b"
        ip("address", "add", f"{self.host_v6}/64", "dev", self.near, "nodad")
        ip("-n", self.name, "address", "add", f"{self.address_v6}/64", "dev", far, "nodad")
        ip("-n", self.name, "-6", "route", "add", self.routed, "via", self.host_v6)
        return self


def slash_64(block: str, number: int) -> str:
    """Terraform's cidrsubnet(block, 8, number)."""
    network = ipaddress.ip_network(block)
    return str(ipaddress.ip_network((int(network.network_address) + (number << 64), 64)))


class DualVpc:
    """What terraform-aws-modules/vpc makes with enable_ipv6, create_egress_only_igw and one NAT gateway: two public subnets and
    a private one, network ACLs and groups that say the same for both families. NAT64 is left out, as it is here."""

    def __init__(self, ec2, ipv4: str, with_ways_out: bool = True):
        self.ec2, self.ipv4 = ec2, list(ipaddress.ip_network(ipv4).subnets(new_prefix=24))
        self.id = ec2.create_vpc(CidrBlock=ipv4, AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        self.block = until(self._associated, "the IPv6 block", seconds=10)
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            ec2.modify_vpc_attribute(VpcId=self.id, **{attribute: {"Value": True}})
        self.zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
        self.public = [self._subnet(0), self._subnet(1)]
        self.private = self._subnet(2)
        self.tables = {"public": self._table(*self.public), "private": self._table(self.private)}
        self.acl = self._acl(*self.public)
        if with_ways_out:
            self._ways_out()

    def _associated(self) -> str | None:
        (vpc,) = self.ec2.describe_vpcs(VpcIds=[self.id])["Vpcs"]
        (association,) = vpc["Ipv6CidrBlockAssociationSet"]
        assert association["Ipv6Pool"] == "Amazon" and association["NetworkBorderGroup"] == "us-east-1"
        return association["Ipv6CidrBlock"] if association["Ipv6CidrBlockState"]["State"] == "associated" else None

    def _subnet(self, place: int) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.id, CidrBlock=str(self.ipv4[place]), Ipv6CidrBlock=slash_64(self.block, place),
            AvailabilityZone=self.zone,
        )["Subnet"]["SubnetId"]
        for attribute in ("AssignIpv6AddressOnCreation", "EnableResourceNameDnsAAAARecordOnLaunch"):
            self.ec2.modify_subnet_attribute(SubnetId=made, **{attribute: {"Value": True}})
        return made

    def _table(self, *subnets: str) -> str:
        table = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return table

    def _acl(self, *subnets: str) -> str:
        acl = self.ec2.create_network_acl(VpcId=self.id)["NetworkAcl"]["NetworkAclId"]
        for egress in (False, True):
            for number, block in ((100, {"CidrBlock": EVERYONE}), (101, {"Ipv6CidrBlock": EVERYONE_V6})):
                self.ec2.create_network_acl_entry(
                    NetworkAclId=acl, RuleNumber=number, Protocol="-1", RuleAction="allow", Egress=egress, **block
                )
        for subnet in subnets:
            found = self.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
            (association,) = [one for one in found["NetworkAcls"][0]["Associations"] if one["SubnetId"] == subnet]
            self.ec2.replace_network_acl_association(
                AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
            )
        return acl

    def _ways_out(self) -> None:
        self.internet = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.internet, VpcId=self.id)
        made = self.ec2.create_egress_only_internet_gateway(VpcId=self.id)["EgressOnlyInternetGateway"]
        self.egress_only = made["EgressOnlyInternetGatewayId"]
        allocation = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=self.public[0], AllocationId=allocation)["NatGateway"]
        self.nat = made["NatGatewayId"]
        self.route("public", DestinationCidrBlock=EVERYONE, GatewayId=self.internet)
        self.route("public", DestinationIpv6CidrBlock=EVERYONE_V6, GatewayId=self.internet)
        self.route("private", DestinationCidrBlock=EVERYONE, NatGatewayId=self.nat)
        self.route("private", DestinationIpv6CidrBlock=EVERYONE_V6, EgressOnlyInternetGatewayId=self.egress_only)

    def route(self, table: str, **route: str) -> None:
        assert self.ec2.create_route(RouteTableId=self.tables[table], **route)["Return"]

    def group(self, *permissions: dict) -> str:
        """With these rules for who comes in."""
        made = self.ec2.create_security_group(
            GroupName=f"dual-{os.getpid()}-{next(names)}", Description="dual stack", VpcId=self.id
        )["GroupId"]
        if permissions:
            self.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=list(permissions))
        return made


def tcp(port: int = WEB, **peer) -> dict:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}


IPV4_PEERS, IPV6_PEERS = {"IpRanges": [{"CidrIp": EVERYONE}]}, {"Ipv6Ranges": [{"CidrIpv6": EVERYONE_V6}]}
OPEN = {"IpProtocol": "-1", **IPV4_PEERS, **IPV6_PEERS}


class Bench:
    """Two VPCs on a server with a pool of its own, and tasks that answer and ask."""

    def __init__(self, server, folder, world: DualWorld):
        self.server, self.world, self.lab = server, world, lab_of(server, folder)
        self.ec2 = self.lab.client("ec2")
        # Beside those of the copies of reachability_rules.
        ipv4 = f"10.{220 + slot()}"
        self.vpc = DualVpc(self.ec2, f"{ipv4}.0.0/17")
        self.other = DualVpc(self.ec2, f"{ipv4}.128.0/17", with_ways_out=False)
        environment = [{"name": "PORTS", "value": ",".join(map(str, PORTS))}]
        image = probe_image(self.lab)
        self.definition = self.lab.define(self.lab.container(image=image, environment=environment, stopTimeout=2))
        self.web = self.vpc.group()
        groups = {vpc: vpc.group(OPEN) for vpc in (self.vpc, self.other)}
        places = {
            "web": (self.vpc.public[0], [self.web]), "one": (self.vpc.public[0], [groups[self.vpc]]),
            "two": (self.vpc.public[1], [groups[self.vpc]]), "private": (self.vpc.private, [groups[self.vpc]]),
            "other": (self.other.private, [groups[self.other]]),
        }
        self.tasks = {name: self.start(*place) for name, place in places.items()}
        self.agents, self.v4, self.v6 = {"world": world.agent}, {"world": world.address}, {"world": world.address_v6}
        for name, task in self.tasks.items():
            task.running()
            self.v4[name], self.v6[name] = task.address, task.interface["ipv6Address"]
            self.agents[name] = Agent(namespace_of(task))

    def start(self, subnet: str, groups: list[str]):
        network = {"subnets": [subnet], "securityGroups": groups, "assignPublicIp": "DISABLED"}
        return self.lab.follow(self.lab.ecs.run_task(
            taskDefinition=self.definition, launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": network},
        ))

    def check(self, source: str, destination: str, expected: str | bool, protocol: str = "tcp", v6: bool = True) -> None:
        """`expected`: the address that the other side sees, or whether it is reached at all."""
        address = (self.v6 if v6 else self.v4)[destination]

        def agrees() -> bool:
            got = self.agents[source].reaches(address, WEB, protocol)
            return got == expected if isinstance(expected, str) else (got is not None) is expected

        family = "IPv6" if v6 else "IPv4"
        until(agrees, f"{source} -> {destination} {protocol} over {family} is {expected}", seconds=SETTLE_SECONDS)


@pytest.fixture(scope="module")
def bench(make_server, tmp_path_factory):
    server = make_server("--ipv6-pool", pool(0))
    with DualWorld(pool(0)) as world:
        made = Bench(server, tmp_path_factory.mktemp("dual"), world)
        yield made
        made.lab.clean()


def test_a_task_has_the_address_that_it_is_described_with(bench):
    task = bench.tasks["private"]
    described = task.describe()
    (attachment,) = described["attachments"]
    assert [one["name"] for one in attachment["details"]] == [
        "subnetId", "networkInterfaceId", "macAddress", "privateDnsName", "privateIPv4Address", "ipv6Address"
    ]
    address = ipaddress.ip_address(task.interface["ipv6Address"])
    subnet = ipaddress.ip_network(slash_64(bench.vpc.block, 2))
    assert address in subnet and ipaddress.ip_network(bench.vpc.block).subnet_of(ipaddress.ip_network(pool(0)))
    (interface,) = described["containers"][0]["networkInterfaces"]
    assert (interface["privateIpv4Address"], interface["ipv6Address"]) == (task.address, str(address))
    eni = task.interface["networkInterfaceId"]
    (shown,) = bench.ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    assert [one["Ipv6Address"] for one in shown["Ipv6Addresses"]] == [str(address)]
    inside = bench.agents["private"].ask({"read": "/proc/net/if_inet6"})
    assert address.packed.hex() in inside.split()


@pytest.mark.parametrize("one, other", [("one", "web"), ("one", "two"), ("two", "private"), ("private", "one")])
def test_tasks_of_a_vpc_reach_each_other(bench, one, other):
    """In a subnet and beyond it, by both families; what is seen is the task itself."""
    with_everything(bench)
    for protocol in ("tcp", "udp"):
        bench.check(one, other, bench.v6[one], protocol)
        bench.check(one, other, bench.v4[one], protocol, v6=False)
    bench.check(one, other, True, "icmpv6")


def with_everything(bench: Bench, *permissions: dict) -> None:
    """The group of `web` has these rules, or lets everyone in."""
    (group,) = bench.ec2.describe_security_groups(GroupIds=[bench.web])["SecurityGroups"]
    before, after = [one for one in group["IpPermissions"]], list(permissions or (OPEN,))
    if before:
        bench.ec2.revoke_security_group_ingress(GroupId=bench.web, IpPermissions=before)
    bench.ec2.authorize_security_group_ingress(GroupId=bench.web, IpPermissions=after)


def test_rules_are_of_one_family(bench):
    with_everything(bench, tcp(**IPV4_PEERS))
    bench.check("one", "web", False)
    bench.check("one", "web", True, v6=False)
    bench.ec2.authorize_security_group_ingress(GroupId=bench.web, IpPermissions=[tcp(**IPV6_PEERS)])
    bench.check("one", "web", True)
    bench.check("one", "web", False, "udp")
    bench.ec2.revoke_security_group_ingress(GroupId=bench.web, IpPermissions=[tcp(**IPV4_PEERS)])
    bench.check("one", "web", False, v6=False)
    bench.check("one", "web", True)
    bench.ec2.revoke_security_group_ingress(GroupId=bench.web, IpPermissions=[tcp(**IPV6_PEERS)])
    bench.check("one", "web", False)


def test_rules_name_subnets_groups_lists_and_icmpv6(bench):
    with_everything(bench, tcp(Ipv6Ranges=[{"CidrIpv6": slash_64(bench.vpc.block, 1)}]))
    bench.check("two", "web", True)
    bench.check("one", "web", False)
    members = bench.ec2.describe_network_interfaces(
        NetworkInterfaceIds=[bench.tasks["one"].interface["networkInterfaceId"]]
    )["NetworkInterfaces"][0]["Groups"]
    with_everything(bench, tcp(UserIdGroupPairs=[{"GroupId": members[0]["GroupId"]}]))
    bench.check("one", "web", True)
    bench.check("world", "web", False)
    prefixes = bench.ec2.create_managed_prefix_list(
        PrefixListName=f"six-{uuid.uuid4().hex[:8]}", MaxEntries=2, AddressFamily="IPv6",
        Entries=[{"Cidr": f"{bench.v6['private']}/128"}],
    )["PrefixList"]["PrefixListId"]
    with_everything(bench, tcp(PrefixListIds=[{"PrefixListId": prefixes}]))
    bench.check("private", "web", True)
    bench.check("one", "web", False)
    with_everything(bench, {"IpProtocol": "icmpv6", "FromPort": -1, "ToPort": -1, **IPV6_PEERS})
    bench.check("one", "web", True, "icmpv6")
    bench.check("one", "web", False)


def test_what_a_group_may_begin_is_of_one_family(bench):
    """A new group of a VPC with an IPv6 block may begin everything in both families; the rules are two."""
    (group,) = bench.ec2.describe_security_groups(GroupIds=[bench.web])["SecurityGroups"]
    (egress,) = group["IpPermissionsEgress"]
    assert [one["CidrIpv6"] for one in egress["Ipv6Ranges"]] == [EVERYONE_V6]
    bench.check("web", "one", bench.v6["web"])
    only_v6 = [{"IpProtocol": "-1", **IPV6_PEERS}]
    bench.ec2.revoke_security_group_egress(GroupId=bench.web, IpPermissions=only_v6)
    bench.check("web", "one", False)
    bench.check("web", "one", True, v6=False)
    bench.ec2.authorize_security_group_egress(GroupId=bench.web, IpPermissions=only_v6)
    bench.check("web", "one", True)


def test_an_acl_denies_a_family(bench):
    with_everything(bench)
    bench.check("private", "web", True)
    place = {"NetworkAclId": bench.vpc.acl, "RuleNumber": 50, "Egress": False}
    bench.ec2.create_network_acl_entry(
        **place, Protocol="6", RuleAction="deny", Ipv6CidrBlock=slash_64(bench.vpc.block, 2),
        PortRange={"From": WEB, "To": WEB},
    )
    bench.check("private", "web", False)
    bench.check("private", "web", True, v6=False)
    bench.check("private", "web", True, "udp")
    bench.check("one", "web", True)
    bench.ec2.delete_network_acl_entry(**place)
    bench.check("private", "web", True)
    # Without the entry that allows IPv6, the last one denies it.
    (acl,) = bench.ec2.describe_network_acls(NetworkAclIds=[bench.vpc.acl])["NetworkAcls"]
    last = [one for one in acl["Entries"] if one["RuleNumber"] == 32768]
    assert {(one["Egress"], one["Ipv6CidrBlock"], one["RuleAction"]) for one in last} == {
        (False, EVERYONE_V6, "deny"), (True, EVERYONE_V6, "deny")
    }
    place["RuleNumber"] = 101
    bench.ec2.delete_network_acl_entry(**place)
    bench.check("private", "web", False)
    bench.ec2.create_network_acl_entry(**place, Protocol="-1", RuleAction="allow", Ipv6CidrBlock=EVERYONE_V6)
    bench.check("private", "web", True)


def test_the_world_comes_in_by_the_internet_gateway(bench):
    """To the task's own address, which is seen as itself; groups decide."""
    with_everything(bench)
    bench.check("world", "web", bench.world.address_v6)
    bench.check("web", "world", bench.v6["web"])
    with_everything(bench, tcp(**IPV4_PEERS))
    bench.check("world", "web", False)
    with_everything(bench, tcp(Ipv6Ranges=[{"CidrIpv6": f"{bench.world.address_v6}/128"}]))
    bench.check("world", "web", True)


def test_the_world_does_not_come_in_by_an_egress_only_gateway(bench):
    """A private task gets out by its own address, and nobody begins anything with it."""
    with_everything(bench)
    bench.check("private", "world", bench.v6["private"])
    bench.check("private", "world", True, "icmpv6")
    bench.check("world", "private", False)
    route = {"RouteTableId": bench.vpc.tables["public"], "DestinationIpv6CidrBlock": EVERYONE_V6}
    bench.ec2.replace_route(**route, EgressOnlyInternetGatewayId=bench.vpc.egress_only)
    bench.check("world", "web", False)
    bench.check("web", "world", bench.v6["web"])
    bench.ec2.replace_route(**route, GatewayId=bench.vpc.internet)
    bench.check("world", "web", True)


def test_a_route_is_a_black_hole_without_its_gateway(bench):
    other = bench.ec2.create_egress_only_internet_gateway(VpcId=bench.other.id)["EgressOnlyInternetGateway"]
    gateway = other["EgressOnlyInternetGatewayId"]
    bench.other.route("private", DestinationIpv6CidrBlock=EVERYONE_V6, EgressOnlyInternetGatewayId=gateway)
    bench.check("other", "world", bench.v6["other"])
    bench.ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
    (table,) = bench.ec2.describe_route_tables(RouteTableIds=[bench.other.tables["private"]])["RouteTables"]
    (route,) = [one for one in table["Routes"] if one.get("DestinationIpv6CidrBlock") == EVERYONE_V6]
    assert (route["State"], route["EgressOnlyInternetGatewayId"]) == ("blackhole", gateway)
    bench.check("other", "world", False)
    bench.ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationIpv6CidrBlock=EVERYONE_V6)


def test_vpcs_reach_each_other_once_they_are_peered(bench):
    with_everything(bench)
    for v6 in (True, False):
        bench.check("private", "other", False, v6=v6)
        bench.check("other", "private", False, v6=v6)
    made = bench.ec2.create_vpc_peering_connection(VpcId=bench.vpc.id, PeerVpcId=bench.other.id)
    connection = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    accepted = bench.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=connection)["VpcPeeringConnection"]
    assert accepted["AccepterVpcInfo"]["Ipv6CidrBlockSet"] == [{"Ipv6CidrBlock": bench.other.block}]
    assert accepted["RequesterVpcInfo"]["Ipv6CidrBlockSet"] == [{"Ipv6CidrBlock": bench.vpc.block}]
    bench.vpc.route("private", DestinationIpv6CidrBlock=bench.other.block, VpcPeeringConnectionId=connection)
    bench.other.route("private", DestinationIpv6CidrBlock=bench.vpc.block, VpcPeeringConnectionId=connection)
    bench.check("private", "other", bench.v6["private"])
    bench.check("other", "private", bench.v6["other"])
    bench.check("private", "other", False, v6=False)
    # The public subnets have no route there, so answers don't come back.
    bench.check("other", "web", False)
    bench.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=connection)
    bench.check("private", "other", False)


def test_without_the_account_setting_tasks_have_ipv4_alone(bench):
    bench.lab.ecs.put_account_setting_default(name="dualStackIPv6", value="disabled")
    try:
        task = bench.start(bench.vpc.private, [bench.vpc.group()])
        task.running()
        assert "ipv6Address" not in task.interface
        (interface,) = task.describe()["containers"][0]["networkInterfaces"]
        assert set(interface) == {"attachmentId", "privateIpv4Address"}
        task.stop()
    finally:
        bench.lab.ecs.put_account_setting_default(name="dualStackIPv6", value="enabled")


def test_the_cli_builds_and_takes_down_a_dual_stack_vpc(server):
    """What the user guide has people type, and what it refuses on the way."""
    def aws(*words: str) -> str:
        return server.aws("ec2", *words, "--output", "text").stdout.strip()

    def refused(*words: str) -> str:
        done = server.aws("ec2", *words, check=False)
        assert done.returncode != 0
        return done.stderr

    vpc = aws("create-vpc", "--cidr-block", "10.9.0.0/16", "--amazon-provided-ipv6-cidr-block", "--query", "Vpc.VpcId")
    query = "Vpcs[0].Ipv6CidrBlockAssociationSet[0].[AssociationId,Ipv6CidrBlock,Ipv6CidrBlockState.State]"
    association, block, state = aws("describe-vpcs", "--vpc-ids", vpc, "--query", query).split()
    # No pool is named, so it is a unique local one.
    assert state == "associated" and ipaddress.ip_network(block).subnet_of(ipaddress.ip_network("fd00::/8"))
    subnet = aws("create-subnet", "--vpc-id", vpc, "--cidr-block", "10.9.0.0/24", "--query", "Subnet.SubnetId")
    assert "has an IPv6 CIDR block associated with it" in refused(
        "modify-subnet-attribute", "--subnet-id", subnet, "--assign-ipv6-address-on-creation"
    )
    of_subnet = aws("associate-subnet-cidr-block", "--subnet-id", subnet, "--ipv6-cidr-block", slash_64(block, 0),
                    "--query", "Ipv6CidrBlockAssociation.AssociationId")
    aws("modify-subnet-attribute", "--subnet-id", subnet, "--assign-ipv6-address-on-creation")
    interface, address = aws(
        "create-network-interface", "--subnet-id", subnet,
        "--query", "NetworkInterface.[NetworkInterfaceId,Ipv6Addresses[0].Ipv6Address]",
    ).split()
    assert ipaddress.ip_address(address) in ipaddress.ip_network(slash_64(block, 0))
    more = aws("assign-ipv6-addresses", "--network-interface-id", interface, "--ipv6-address-count", "1",
               "--query", "AssignedIpv6Addresses")
    aws("unassign-ipv6-addresses", "--network-interface-id", interface, "--ipv6-addresses", more)
    gateway = aws("create-egress-only-internet-gateway", "--vpc-id", vpc,
                  "--query", "EgressOnlyInternetGateway.EgressOnlyInternetGatewayId")
    table = aws("create-route-table", "--vpc-id", vpc, "--query", "RouteTable.RouteTableId")
    aws("create-route", "--route-table-id", table, "--destination-ipv6-cidr-block", "::/0",
        "--egress-only-internet-gateway-id", gateway)
    assert "InvalidCidrBlock.InUse" in refused("disassociate-vpc-cidr-block", "--association-id", association)
    assert "InvalidCidrBlock.InUse" in refused("disassociate-subnet-cidr-block", "--association-id", of_subnet)
    assert "DependencyViolation" in refused("delete-vpc", "--vpc-id", vpc)
    aws("delete-network-interface", "--network-interface-id", interface)
    aws("delete-route-table", "--route-table-id", table)
    aws("delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", gateway)
    aws("delete-subnet", "--subnet-id", subnet)
    aws("disassociate-vpc-cidr-block", "--association-id", association)
    aws("delete-vpc", "--vpc-id", vpc)


def test_a_unique_local_prefix_outlives_the_server(make_server):
    """Drawn once: VPCs of before and after a crash are of one prefix, and another pool is refused while they are there."""
    server = make_server()
    ec2 = server.client("ec2")

    def block_of_new_vpc() -> ipaddress.IPv6Network:
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        return ipaddress.ip_network(made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])

    first = block_of_new_vpc()
    server.kill()
    server.up()
    second = block_of_new_vpc()
    assert first != second and first.supernet(new_prefix=48) == second.supernet(new_prefix=48)
    assert first.prefixlen == 56 and first.subnet_of(ipaddress.ip_network("fd00::/8"))
    server.terminate()
    server.options = ("--ipv6-pool", pool(1))
    with pytest.raises(RuntimeError, match="a VPC has the block fd"):
        server.up()
    server._reap()
    server.options = ()
    server.up()
    assert block_of_new_vpc().subnet_of(first.supernet(new_prefix=48))


def test_a_pool_ends(make_server):
    """A /56 is one VPC's; when that is gone, it is the next one's."""
    server = make_server("--ipv6-pool", pool(2).replace("/48", "/56"))
    ec2 = server.client("ec2")
    arguments = {"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True}
    first = ec2.create_vpc(**arguments)["Vpc"]
    with pytest.raises(botocore.exceptions.ClientError, match="InsufficientCidrBlocks"):
        ec2.create_vpc(**arguments)
    ec2.delete_vpc(VpcId=first["VpcId"])
    again = ec2.create_vpc(**arguments)["Vpc"]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    assert again == pool(2).replace("/48", "/56")
