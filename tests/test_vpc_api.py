"""VPCs, subnets, route tables, gateways and DHCP options as boto3 and the AWS CLI use their API."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def ec2(client):
    return client("ec2")


@pytest.fixture
def made(ec2):
    """Makes what tests need, and deletes it at the end, the newest first."""
    maker = Maker(ec2)
    yield maker
    maker.delete_all()


class Maker:
    def __init__(self, ec2):
        self.ec2 = ec2
        self.deletions = []

    def vpc(self, block: str = "10.0.0.0/16", **options) -> str:
        vpc = self.ec2.create_vpc(CidrBlock=block, **options)["Vpc"]["VpcId"]
        self.deletions.append((self.ec2.delete_vpc, {"VpcId": vpc}))
        return vpc

    def subnet(self, vpc: str, block: str, **options) -> str:
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock=block, **options)["Subnet"]["SubnetId"]
        self.deletions.append((self.ec2.delete_subnet, {"SubnetId": subnet}))
        return subnet

    def table(self, vpc: str, **options) -> str:
        table = self.ec2.create_route_table(VpcId=vpc, **options)["RouteTable"]["RouteTableId"]
        self.deletions.append((self.ec2.delete_route_table, {"RouteTableId": table}))
        return table

    def gateway(self, vpc: str | None = None, **options) -> str:
        gateway = self.ec2.create_internet_gateway(**options)["InternetGateway"]["InternetGatewayId"]
        self.deletions.append((self.ec2.delete_internet_gateway, {"InternetGatewayId": gateway}))
        if vpc:
            attachment = {"InternetGatewayId": gateway, "VpcId": vpc}
            self.ec2.attach_internet_gateway(**attachment)
            self.deletions.append((self.ec2.detach_internet_gateway, attachment))
        return gateway

    def options(self, **values: list[str]) -> str:
        configurations = [{"Key": key.replace("_", "-"), "Values": value} for key, value in values.items()]
        options = self.ec2.create_dhcp_options(DhcpConfigurations=configurations)["DhcpOptions"]["DhcpOptionsId"]
        self.deletions.append((self.ec2.delete_dhcp_options, {"DhcpOptionsId": options}))
        return options

    def delete_all(self):
        for call, arguments in reversed(self.deletions):
            try:
                call(**arguments)
            except ClientError as error:
                if not error.response["Error"]["Code"].endswith((".NotFound", ".NotAttached")):
                    raise


def refusal(call, **arguments) -> tuple[str, str]:
    """Code and message of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def tags(kind: str, **values: str) -> list[dict]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in values.items()]}]


def routes(ec2, table: str) -> dict[str, dict]:
    """By destination."""
    shown = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return {route.get("DestinationCidrBlock") or route["DestinationPrefixListId"]: route for route in shown}


def main_table(ec2, vpc: str) -> dict:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    return ec2.describe_route_tables(Filters=filters)["RouteTables"][0]


def test_a_vpc_with_a_public_and_a_private_subnet(ec2, made):
    vpc = made.vpc("10.20.0.0/16", TagSpecifications=tags("vpc", Name="shop"))
    ec2.get_waiter("vpc_exists").wait(VpcIds=[vpc])
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    shown = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    assert shown["EnableDnsHostnames"] == {"Value": True}

    public = made.subnet(vpc, "10.20.0.0/24", AvailabilityZone="us-east-1a", TagSpecifications=tags("subnet", tier="web"))
    private = made.subnet(vpc, "10.20.1.0/24", AvailabilityZone="us-east-1b")
    ec2.get_waiter("subnet_available").wait(SubnetIds=[public, private])
    ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
    found = ec2.describe_subnets(Filters=[{"Name": "tag:tier", "Values": ["web"]}, {"Name": "vpc-id", "Values": [vpc]}])
    assert [(one["SubnetId"], one["MapPublicIpOnLaunch"]) for one in found["Subnets"]] == [(public, True)]
    assert found["Subnets"][0]["AvailableIpAddressCount"] == 251

    gateway = made.gateway(vpc)
    ec2.get_waiter("internet_gateway_exists").wait(InternetGatewayIds=[gateway])
    table = made.table(vpc, TagSpecifications=tags("route-table", Name="public"))
    assert ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)["Return"] is True
    associated = ec2.associate_route_table(RouteTableId=table, SubnetId=public)
    assert associated["AssociationState"] == {"State": "associated"}
    assert routes(ec2, table)["10.20.0.0/16"]["GatewayId"] == "local"
    assert routes(ec2, table)["0.0.0.0/0"]["GatewayId"] == gateway
    assert routes(ec2, table)["0.0.0.0/0"]["State"] == "active"
    by_subnet = [{"Name": "association.subnet-id", "Values": [public]}]
    assert [one["RouteTableId"] for one in ec2.describe_route_tables(Filters=by_subnet)["RouteTables"]] == [table]

    acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    assert {one["SubnetId"] for one in acls[0]["Associations"]} == {public, private}
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    assert [group["GroupName"] for group in groups] == ["default"]
    assert refusal(ec2.delete_vpc, VpcId=vpc) == (
        "DependencyViolation",
        f"The vpc '{vpc}' has dependencies and cannot be deleted.",
    )
    assert refusal(ec2.delete_route_table, RouteTableId=table)[0] == "DependencyViolation"

    ec2.disassociate_route_table(AssociationId=associated["AssociationId"])
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    for subnet in (public, private):
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=vpc)
    assert refusal(ec2.describe_vpcs, VpcIds=[vpc]) == ("InvalidVpcID.NotFound", f"The vpc ID '{vpc}' does not exist")


def test_blocks_of_a_vpc(ec2, made):
    vpc = made.vpc("10.30.0.0/16")
    answer = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.31.0.0/20")
    association = answer["CidrBlockAssociation"]
    assert (answer["VpcId"], association["CidrBlockState"]) == (vpc, {"State": "associating"})
    shown = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"]
    assert [(one["CidrBlock"], one["CidrBlockState"]["State"]) for one in shown] == [
        ("10.30.0.0/16", "associated"),
        ("10.31.0.0/20", "associated"),
    ]
    assert set(routes(ec2, main_table(ec2, vpc)["RouteTableId"])) == {"10.30.0.0/16", "10.31.0.0/20"}
    subnet = made.subnet(vpc, "10.31.0.0/24")
    call = ec2.disassociate_vpc_cidr_block
    assert refusal(call, AssociationId=association["AssociationId"])[0] == "InvalidCidrBlock.InUse"
    ec2.delete_subnet(SubnetId=subnet)
    call(AssociationId=association["AssociationId"])
    assert refusal(made.subnet, vpc=vpc, block="10.31.0.0/24") == (
        "InvalidSubnet.Range",
        "The CIDR '10.31.0.0/24' is invalid.",
    )
    assert refusal(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="172.16.0.0/16")[0] == "InvalidVpc.Range"


def test_the_main_table_is_another_one(ec2, made):
    vpc = made.vpc("10.40.0.0/16")
    table = made.table(vpc)
    main = main_table(ec2, vpc)
    association = main["Associations"][0]["RouteTableAssociationId"]
    replaced = ec2.replace_route_table_association(AssociationId=association, RouteTableId=table)
    assert main_table(ec2, vpc)["RouteTableId"] == table
    back = replaced["NewAssociationId"]
    ec2.replace_route_table_association(AssociationId=back, RouteTableId=main["RouteTableId"])
    assert main_table(ec2, vpc)["RouteTableId"] == main["RouteTableId"]
    assert refusal(ec2.delete_route_table, RouteTableId=main["RouteTableId"])[0] == "DependencyViolation"


def test_routes_without_their_gateway_are_black_holes(ec2, made):
    vpc = made.vpc("10.50.0.0/16")
    gateway = made.gateway(vpc)
    table = made.table(vpc)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="198.51.100.7/24", GatewayId=gateway)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes(ec2, table)["198.51.100.0/24"]["State"] == "blackhole"
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes(ec2, table)["198.51.100.0/24"]["State"] == "active"
    assert refusal(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == (
        "Resource.AlreadyAssociated",
        f"resource {gateway} is already attached to network {vpc}",
    )
    assert refusal(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0") == (
        "InvalidRoute.NotFound",
        f"no route with destination-cidr-block 0.0.0.0/0 in route table {table}",
    )


def test_dhcp_options(ec2, made):
    vpc = made.vpc("10.60.0.0/16")
    default = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    shown = ec2.describe_dhcp_options(DhcpOptionsIds=[default])["DhcpOptions"][0]["DhcpConfigurations"]
    assert {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]} in shown
    options = made.options(domain_name=["shop.example"], domain_name_servers=["AmazonProvidedDNS"])
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == options
    assert refusal(ec2.delete_dhcp_options, DhcpOptionsId=options)[0] == "DependencyViolation"
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.create_tags(Resources=[options], Tags=[{"Key": "stage", "Value": "test"}])
    found = ec2.describe_dhcp_options(Filters=[{"Name": "tag:stage", "Values": ["test"]}])["DhcpOptions"]
    assert [one["DhcpOptionsId"] for one in found] == [options]
    ec2.delete_dhcp_options(DhcpOptionsId=options)
    assert refusal(ec2.describe_dhcp_options, DhcpOptionsIds=[options])[0] == "InvalidDhcpOptionID.NotFound"


def test_pages_hold_every_subnet_once(ec2, made):
    vpc = made.vpc("10.70.0.0/16")
    expected = {made.subnet(vpc, f"10.70.{number}.0/24") for number in range(12)}
    pages = ec2.get_paginator("describe_subnets").paginate(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}], PaginationConfig={"PageSize": 5}
    )
    found = [[subnet["SubnetId"] for subnet in page["Subnets"]] for page in pages]
    assert [len(page) for page in found] == [5, 5, 2]
    assert {subnet for page in found for subnet in page} == expected


def test_many_requests_at_once(ec2, made):
    """Of subnets with the same addresses, and of gateways of one VPC, exactly one is granted."""
    vpc = made.vpc("10.80.0.0/16")
    gateways = [made.gateway() for _ in range(8)]

    def attempt(number: int) -> tuple[bool, bool]:
        return (
            granted(made.subnet, vpc=vpc, block="10.80.0.0/24"),
            granted(ec2.attach_internet_gateway, InternetGatewayId=gateways[number], VpcId=vpc),
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(8)))
    assert [sum(kind) for kind in zip(*answers)] == [1, 1]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    gateway = ec2.describe_internet_gateways(Filters=attached)["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)


def granted(call, **arguments) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("InvalidSubnet.Conflict", "InvalidParameterValue")
        return False
    return True


def test_what_is_not_served_of_ipv6_is_refused(ec2, made):
    """What is served has a file of its own, test_ipv6.py."""
    vpc = made.vpc("10.90.0.0/16")
    subnet = made.subnet(vpc, "10.90.0.0/24")
    table = main_table(ec2, vpc)["RouteTableId"]
    gateway = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    assert gateway["Attachments"] == [{"State": "attached", "VpcId": vpc}]
    outward = {"EgressOnlyInternetGatewayId": gateway["EgressOnlyInternetGatewayId"]}
    for call, arguments in [
        (ec2.create_vpc, {"CidrBlock": "10.0.0.0/16", "Ipv6IpamPoolId": "ipam-pool-0123456789abcdef0", "Ipv6NetmaskLength": 56}),
        (ec2.create_vpc, {"CidrBlock": "10.0.0.0/16", "Ipv6Pool": "ipv6pool-ec2-0", "Ipv6CidrBlock": "2001:db8::/56"}),
        (ec2.create_subnet, {"VpcId": vpc, "Ipv6Native": True, "Ipv6CidrBlock": "2001:db8::/64"}),
        (ec2.modify_subnet_attribute, {"SubnetId": subnet, "EnableDns64": {"Value": True}}),
    ]:
        code, message = refusal(call, **arguments)
        assert code == "UnsupportedOperation" and "not supported" in message, (call, code, message)
    assert refusal(
        ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **outward
    )[0] == "InvalidParameterValue"
    # A subnet has no address to give away before it has a block.
    refused = refusal(ec2.modify_subnet_attribute, SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    assert refused[0] == "InvalidParameterValue"
    assert ec2.delete_egress_only_internet_gateway(**outward)["ReturnCode"] is True


def test_dry_runs_make_nothing(ec2, made):
    vpc = made.vpc("10.100.0.0/16")
    table = main_table(ec2, vpc)["RouteTableId"]
    gateway = made.gateway(vpc)
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    for call, arguments in [
        (ec2.create_vpc, {"CidrBlock": "10.0.0.0/16"}),
        (ec2.create_subnet, {"VpcId": vpc, "CidrBlock": "10.100.0.0/24"}),
        (ec2.create_route_table, {"VpcId": vpc}),
        (ec2.create_route, route),
        (ec2.create_internet_gateway, {}),
        (ec2.detach_internet_gateway, {"InternetGatewayId": gateway, "VpcId": vpc}),
    ]:
        assert refusal(call, DryRun=True, **arguments)[0] == "DryRunOperation", call
    assert set(routes(ec2, table)) == {"10.100.0.0/16"}
    assert ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"] == []


def test_the_default_vpc_of_a_region_goes_and_comes(client):
    ec2 = client("ec2", "eu-west-3")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    gateways = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])
    gateway = gateways["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_vpcs()["Vpcs"] == []
    assert refusal(ec2.create_default_subnet, AvailabilityZone="eu-west-3a")[0] == "DefaultVpcDoesNotExist"
    again = ec2.create_default_vpc()["Vpc"]
    assert (again["IsDefault"], again["CidrBlock"]) == (True, "172.31.0.0/16")
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {"eu-west-3a", "eu-west-3b", "eu-west-3c"}
    assert refusal(ec2.create_default_vpc)[0] == "DefaultVpcAlreadyExists"
    first = subnets[0]
    ec2.delete_subnet(SubnetId=first["SubnetId"])
    made = ec2.create_default_subnet(AvailabilityZone=first["AvailabilityZone"])["Subnet"]
    assert (made["CidrBlock"], made["DefaultForAz"]) == (first["CidrBlock"], True)


def test_the_command_line(server):
    def aws(*words: str) -> dict:
        output = server.aws("ec2", *words, "--output", "json").stdout
        return json.loads(output) if output.strip() else {}

    name = f"t-{uuid.uuid4().hex[:8]}"
    tag = f"ResourceType=vpc,Tags=[{{Key=Name,Value={name}}}]"
    vpc = aws("create-vpc", "--cidr-block", "10.110.0.0/16", "--tag-specifications", tag)["Vpc"]["VpcId"]
    aws("wait", "vpc-available", "--vpc-ids", vpc)
    aws("modify-vpc-attribute", "--vpc-id", vpc, "--no-enable-dns-support")
    shown = aws("describe-vpc-attribute", "--vpc-id", vpc, "--attribute", "enableDnsSupport")
    assert shown["EnableDnsSupport"] == {"Value": False}
    subnet = aws("create-subnet", "--vpc-id", vpc, "--cidr-block", "10.110.0.0/24")["Subnet"]["SubnetId"]
    aws("modify-subnet-attribute", "--subnet-id", subnet, "--map-public-ip-on-launch")
    gateway = aws("create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
    aws("attach-internet-gateway", "--internet-gateway-id", gateway, "--vpc-id", vpc)
    table = aws("create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
    destination = ("--route-table-id", table, "--destination-cidr-block", "0.0.0.0/0")
    aws("create-route", *destination, "--gateway-id", gateway)
    association = aws("associate-route-table", "--route-table-id", table, "--subnet-id", subnet)["AssociationId"]
    found = aws("describe-vpcs", "--filters", f"Name=tag:Name,Values={name}")["Vpcs"]
    assert [one["VpcId"] for one in found] == [vpc]
    done = server.aws("ec2", "delete-vpc", "--vpc-id", vpc, check=False)
    assert "(DependencyViolation)" in done.stderr
    assert aws("describe-vpn-gateways")["VpnGateways"] == []
    aws("disassociate-route-table", "--association-id", association)
    aws("delete-route-table", "--route-table-id", table)
    aws("detach-internet-gateway", "--internet-gateway-id", gateway, "--vpc-id", vpc)
    aws("delete-internet-gateway", "--internet-gateway-id", gateway)
    aws("delete-subnet", "--subnet-id", subnet)
    aws("delete-vpc", "--vpc-id", vpc)
