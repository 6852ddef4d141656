"""The network that Terraform's VPC module makes, by the calls that Terraform makes, used by tasks, and taken down in its order.

Three zones with a public, a private and a database subnet each, a NAT gateway with an Elastic IP per zone, a gateway endpoint for
S3, interface endpoints for ECS and ECR, a flow log, and the VPC's default security group, ACL and route table emptied.
"""

import json
import re
import uuid

import botocore.exceptions
import pytest

import vpc_lab
from conftest import execution_role_of, open_network_of, pusher
from task_lab import Lab
from vpc_lab import Agent, World, namespace_of
from waiting import until

CIDR = "10.200.0.0/16"
TIERS = ("public", "private", "database")
EVERYONE = "0.0.0.0/0"
# AWS's answer depends on who made the interface that has the address.
IN_USE = r"InvalidIPAddress\.InUse|AuthFailure"
WAIT = {"Delay": 1, "MaxAttempts": 30}
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
WRITE_LOGS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
    "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"]}]}


class ThreeZones:
    """Everything that was made, in the order in which it must go again."""

    def __init__(self, client):
        self.ec2, self.iam, self.logs = client("ec2"), client("iam"), client("logs")
        self.name = f"three-{uuid.uuid4().hex[:6]}"
        self.region = self.ec2.meta.region_name
        self.subnets: dict[tuple[str, str], str] = {}
        self.tables: dict[str, str] = {}
        self.associations: list[str] = []
        self.addresses: dict[str, str] = {}
        self.nat_gateways: dict[str, str] = {}
        self.endpoints: dict[str, str] = {}
        self.groups: list[str] = []

    def tags(self, kind: str, name: str) -> list[dict]:
        tags = [{"Key": "Name", "Value": f"{self.name}-{name}"}, {"Key": "Terraform", "Value": "true"}]
        return [{"ResourceType": kind, "Tags": tags}]

    def build(self) -> "ThreeZones":
        self._vpc()
        self._adopt_defaults()
        self._subnets()
        self._gateways()
        self._routes()
        self._endpoints()
        self._flow_log()
        return self

    def _vpc(self) -> None:
        made = self.ec2.create_vpc(CidrBlock=CIDR, InstanceTenancy="default", TagSpecifications=self.tags("vpc", "vpc"))["Vpc"]
        self.vpc = made["VpcId"]
        self.ec2.get_waiter("vpc_exists").wait(VpcIds=[self.vpc], WaiterConfig=WAIT)
        self.ec2.get_waiter("vpc_available").wait(VpcIds=[self.vpc], WaiterConfig=WAIT)
        for attribute in ("EnableDnsHostnames", "EnableDnsSupport"):
            self.ec2.modify_vpc_attribute(VpcId=self.vpc, **{attribute: {"Value": True}})
        for attribute in ("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics"):
            shown = self.ec2.describe_vpc_attribute(VpcId=self.vpc, Attribute=attribute)
            expected = attribute != "enableNetworkAddressUsageMetrics"
            assert shown[attribute[0].upper() + attribute[1:]]["Value"] is expected, attribute

    def _adopt_defaults(self) -> None:
        """As aws_default_security_group, aws_default_network_acl and aws_default_route_table do it."""
        in_vpc = {"Name": "vpc-id", "Values": [self.vpc]}
        (group,) = self.ec2.describe_security_groups(Filters=[in_vpc, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
        self.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
        self.ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
        (acl,) = self.ec2.describe_network_acls(Filters=[in_vpc, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]
        for entry in acl["Entries"]:
            if entry["RuleNumber"] <= 32766:
                self.ec2.delete_network_acl_entry(
                    NetworkAclId=acl["NetworkAclId"], RuleNumber=entry["RuleNumber"], Egress=entry["Egress"])
        for egress in (False, True):
            self.ec2.create_network_acl_entry(
                NetworkAclId=acl["NetworkAclId"], RuleNumber=100, Egress=egress, Protocol="-1", RuleAction="allow", CidrBlock=EVERYONE)
        (table,) = self.ec2.describe_route_tables(Filters=[in_vpc, {"Name": "association.main", "Values": ["true"]}])["RouteTables"]
        assert [route["GatewayId"] for route in table["Routes"]] == ["local"]
        self.ec2.create_tags(
            Resources=[group["GroupId"], acl["NetworkAclId"], table["RouteTableId"]],
            Tags=[{"Key": "Name", "Value": f"{self.name}-default"}],
        )
        self.default_group, self.default_acl = group["GroupId"], acl["NetworkAclId"]

    def _subnets(self) -> None:
        zones = self.ec2.describe_availability_zones(Filters=[{"Name": "opt-in-status", "Values": ["opt-in-not-required"]}])
        self.zones = [zone["ZoneName"] for zone in zones["AvailabilityZones"]][:3]
        assert len(self.zones) == 3
        for tier_place, tier in enumerate(TIERS):
            for zone_place, zone in enumerate(self.zones):
                made = self.ec2.create_subnet(
                    VpcId=self.vpc, CidrBlock=f"10.200.{tier_place * 10 + zone_place}.0/24", AvailabilityZone=zone,
                    TagSpecifications=self.tags("subnet", f"{tier}-{zone}"),
                )["Subnet"]
                self.subnets[tier, zone] = made["SubnetId"]
                self.ec2.get_waiter("subnet_available").wait(SubnetIds=[made["SubnetId"]], WaiterConfig=WAIT)
                if tier == "public":
                    self.ec2.modify_subnet_attribute(SubnetId=made["SubnetId"], MapPublicIpOnLaunch={"Value": True})

    def _gateways(self) -> None:
        made = self.ec2.create_internet_gateway(TagSpecifications=self.tags("internet-gateway", "igw"))
        self.internet_gateway = made["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.internet_gateway, VpcId=self.vpc)
        self.ec2.get_waiter("internet_gateway_exists").wait(InternetGatewayIds=[self.internet_gateway], WaiterConfig=WAIT)
        for zone in self.zones:
            address = self.ec2.allocate_address(Domain="vpc", TagSpecifications=self.tags("elastic-ip", zone))
            self.addresses[zone] = address["AllocationId"]
            (shown,) = self.ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"]
            assert (shown["PublicIp"], shown["Domain"]) == (address["PublicIp"], "vpc")
            self.ec2.describe_addresses_attribute(AllocationIds=[address["AllocationId"]], Attribute="domain-name")
            made = self.ec2.create_nat_gateway(
                SubnetId=self.subnets["public", zone], AllocationId=address["AllocationId"], ConnectivityType="public",
                ClientToken=f"{self.name}-{zone}", TagSpecifications=self.tags("natgateway", zone),
            )
            self.nat_gateways[zone] = made["NatGateway"]["NatGatewayId"]

    def _table(self, name: str, tier: str, zones: list[str]) -> str:
        made = self.ec2.create_route_table(VpcId=self.vpc, TagSpecifications=self.tags("route-table", name))["RouteTable"]
        self.tables[name] = made["RouteTableId"]
        for zone in zones:
            told = self.ec2.associate_route_table(RouteTableId=made["RouteTableId"], SubnetId=self.subnets[tier, zone])
            self.associations.append(told["AssociationId"])
            assert told["AssociationState"]["State"] == "associated"
        return made["RouteTableId"]

    def _routes(self) -> None:
        public = self._table("public", "public", self.zones)
        self.ec2.create_route(RouteTableId=public, DestinationCidrBlock=EVERYONE, GatewayId=self.internet_gateway)
        self._table("database", "database", self.zones)
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=list(self.nat_gateways.values()), WaiterConfig=WAIT)
        for zone in self.zones:
            table = self._table(f"private-{zone}", "private", [zone])
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=EVERYONE, NatGatewayId=self.nat_gateways[zone])
        for name, table in self.tables.items():
            (shown,) = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
            assert {route["State"] for route in shown["Routes"]} == {"active"}, name

    def _endpoints(self) -> None:
        self.endpoint_group = self.ec2.create_security_group(
            GroupName=f"{self.name}-endpoints", Description="VPC endpoints", VpcId=self.vpc)["GroupId"]
        self.groups.append(self.endpoint_group)
        self.ec2.authorize_security_group_ingress(GroupId=self.endpoint_group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": CIDR}]} for port in (80, 443)])
        private = [table for name, table in self.tables.items() if name.startswith("private")]
        for short in ("s3", "ecs", "ecr.api", "ecr.dkr"):
            service = f"com.amazonaws.{self.region}.{short}"
            kind = "Gateway" if short == "s3" else "Interface"
            found = self.ec2.describe_vpc_endpoint_services(Filters=[
                {"Name": "service-name", "Values": [service]}, {"Name": "service-type", "Values": [kind]}])
            assert service in found["ServiceNames"]
            options = {"RouteTableIds": private} if short == "s3" else {
                "SubnetIds": [self.subnets["private", zone] for zone in self.zones], "SecurityGroupIds": [self.endpoint_group],
                "PrivateDnsEnabled": True}
            made = self.ec2.create_vpc_endpoint(
                VpcId=self.vpc, ServiceName=service, VpcEndpointType=kind, TagSpecifications=self.tags("vpc-endpoint", short), **options)
            self.endpoints[short] = made["VpcEndpoint"]["VpcEndpointId"]
        for short, endpoint in self.endpoints.items():
            until(lambda: self.endpoint_state(endpoint) == "available", f"the endpoint for {short}", seconds=20)
        (shown,) = self.ec2.describe_prefix_lists(Filters=[
            {"Name": "prefix-list-name", "Values": [f"com.amazonaws.{self.region}.s3"]}])["PrefixLists"]
        (table,) = self.ec2.describe_route_tables(RouteTableIds=private[:1])["RouteTables"]
        assert (shown["PrefixListId"], self.endpoints["s3"]) in [
            (route.get("DestinationPrefixListId"), route.get("GatewayId")) for route in table["Routes"]]

    def endpoint_state(self, endpoint: str) -> str:
        return self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]["State"].lower()

    def _flow_log(self) -> None:
        self.log_group = f"/aws/vpc-flow-log/{self.vpc}"
        self.logs.create_log_group(logGroupName=self.log_group)
        role = self.iam.create_role(RoleName=f"{self.name}-flow-log", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=f"{self.name}-flow-log", PolicyName="write", PolicyDocument=json.dumps(WRITE_LOGS))
        made = self.ec2.create_flow_logs(
            ResourceIds=[self.vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="cloud-watch-logs",
            LogGroupName=self.log_group, DeliverLogsPermissionArn=role, MaxAggregationInterval=60,
            TagSpecifications=self.tags("vpc-flow-log", "flow-log"),
        )
        assert not made.get("Unsuccessful"), made
        (self.flow_log,) = made["FlowLogIds"]
        (shown,) = self.ec2.describe_flow_logs(FlowLogIds=[self.flow_log])["FlowLogs"]
        assert (shown["ResourceId"], shown["TrafficType"], shown["FlowLogStatus"]) == (self.vpc, "ALL", "ACTIVE")

    def destroy(self) -> None:
        """Terraform's order; what still holds something refuses before."""
        self.ec2.delete_flow_logs(FlowLogIds=[self.flow_log])
        refused(self.ec2.delete_vpc, "DependencyViolation", VpcId=self.vpc)
        told = self.ec2.delete_vpc_endpoints(VpcEndpointIds=list(self.endpoints.values()))
        assert not told.get("Unsuccessful"), told
        for endpoint in self.endpoints.values():
            until(lambda: self._endpoint_gone(endpoint), f"{endpoint} is gone", seconds=30)
        for table in self.tables.values():
            refused(self.ec2.delete_route_table, "DependencyViolation", RouteTableId=table)
        for association in self.associations:
            self.ec2.disassociate_route_table(AssociationId=association)
        for name, table in self.tables.items():
            if name != "database":
                self.ec2.delete_route(RouteTableId=table, DestinationCidrBlock=EVERYONE)
            self.ec2.delete_route_table(RouteTableId=table)
        for address in self.addresses.values():
            refused(self.ec2.release_address, IN_USE, AllocationId=address)
        for gateway in self.nat_gateways.values():
            self.ec2.delete_nat_gateway(NatGatewayId=gateway)
        self.ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=list(self.nat_gateways.values()), WaiterConfig=WAIT)
        for address in self.addresses.values():
            until(lambda: released(self.ec2, address), f"{address} is released", seconds=20)
        self.ec2.detach_internet_gateway(InternetGatewayId=self.internet_gateway, VpcId=self.vpc)
        self.ec2.delete_internet_gateway(InternetGatewayId=self.internet_gateway)
        for subnet in self.subnets.values():
            until(lambda: deleted(self.ec2.delete_subnet, SubnetId=subnet), f"{subnet} is deleted", seconds=30)
        for group in self.groups:
            until(lambda: deleted(self.ec2.delete_security_group, GroupId=group), f"{group} is deleted", seconds=20)
        until(lambda: deleted(self.ec2.delete_vpc, VpcId=self.vpc), "the VPC is deleted", seconds=20)
        refused(self.ec2.describe_vpcs, "InvalidVpcID.NotFound", VpcIds=[self.vpc])

    def _endpoint_gone(self, endpoint: str) -> bool:
        try:
            return self.endpoint_state(endpoint) == "deleted"
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "InvalidVpcEndpointId.NotFound", error
            return True


def refused(call, code: str, **arguments) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert re.fullmatch(code, caught.value.response["Error"]["Code"]), caught.value


def deleted(call, **arguments) -> bool:
    """As Terraform retries: a thing in use now may not be in use soon."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "DependencyViolation", error
        return False
    return True


def released(ec2, address: str) -> bool:
    try:
        ec2.release_address(AllocationId=address)
    except botocore.exceptions.ClientError as error:
        assert re.fullmatch(IN_USE, error.response["Error"]["Code"]), error
        return False
    return True


@pytest.fixture(scope="module")
def own_lab(make_server, tmp_path_factory) -> Lab:
    server = make_server()
    made: dict = {}

    def client(service: str):
        return made.setdefault(service, server.client(service))

    lab = Lab(client, open_network_of(client), execution_role_of(client), pusher(server, client), tmp_path_factory.mktemp("three"))
    lab.server = server
    return lab


class Placed:
    """A task of the probe in a subnet."""

    def __init__(self, lab: Lab, subnet: str, groups: list[str], public: bool):
        definition = lab.define(lab.container(image=vpc_lab.probe_image(lab), stopTimeout=2))
        configuration = {"subnets": [subnet], "securityGroups": groups, "assignPublicIp": "ENABLED" if public else "DISABLED"}
        self.task = lab.follow(lab.ecs.run_task(
            taskDefinition=definition, launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": configuration}))
        self.task.running()
        self.address = self.task.address
        self.agent = Agent(namespace_of(self.task))


@pytest.mark.slow
def test_build_use_and_destroy(own_lab):
    zones = ThreeZones(own_lab.client).build()
    try:
        with World() as world:
            use(own_lab, zones, world)
        use_by_a_service(own_lab, zones)
    finally:
        own_lab.clean()
    zones.destroy()


def use(lab: Lab, zones: ThreeZones, world: World) -> None:
    group = zones.ec2.create_security_group(GroupName="tiers", Description="tiers", VpcId=zones.vpc)["GroupId"]
    zones.groups.append(group)
    first, second, _ = zones.zones
    tiers = {
        "public": Placed(lab, zones.subnets["public", first], [group], public=True),
        "private": Placed(lab, zones.subnets["private", second], [group], public=False),
        "database": Placed(lab, zones.subnets["database", first], [group], public=False),
    }
    assert {name: one.address.rsplit(".", 1)[0] for name, one in tiers.items()} == {
        "public": "10.200.0", "private": "10.200.11", "database": "10.200.20"}
    # Out: by the internet gateway and by the NAT gateway; the database has no way.
    for name in ("public", "private"):
        until(lambda name=name: tiers[name].agent.reaches(world.address) == world.host, f"{name} reaches the world")
    assert tiers["database"].agent.reaches(world.address) is None
    # Between them: nobody, until the group says so.
    pairs = [(one, other) for one in tiers for other in tiers if one != other]
    assert not any(tiers[one].agent.reaches(tiers[other].address) for one, other in pairs)
    zones.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}])
    for one, other in pairs:
        until(lambda: tiers[one].agent.reaches(tiers[other].address) == tiers[one].address, f"{one} reaches {other}")
    # The services inside, by AWS's own names; the gateway endpoint counts where its route is.
    private = tiers["private"].agent
    for service in ("s3", "ecs", "api.ecr"):
        told = until(lambda: private.ask({"http": f"http://{service}.{zones.region}.amazonaws.com/"}), f"{service} answers")
        assert told[0] in (200, 307, 400, 403, 404, 405), told
    shows_a_flow(zones, tiers["private"], tiers["public"])
    for one in tiers.values():
        one.agent.close()


def shows_a_flow(zones: ThreeZones, sender: Placed, receiver: Placed) -> None:
    """A record of the sender's interface within the interval of 60 s and some."""
    stream = f"{sender.task.interface['networkInterfaceId']}-all"
    flow = f" {sender.address} {receiver.address} "

    def written() -> list[str]:
        try:
            events = zones.logs.get_log_events(logGroupName=zones.log_group, logStreamName=stream, startFromHead=True)["events"]
        except zones.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events if flow in event["message"]]

    lines = until(written, f"a record of{flow}", seconds=100, every=1)
    assert any(line.endswith("ACCEPT OK") for line in lines), lines


def use_by_a_service(lab: Lab, zones: ThreeZones) -> None:
    """Three tasks, spread over the private subnets."""
    definition = lab.define(lab.container(image=vpc_lab.probe_image(lab), stopTimeout=2))
    lab.ecs.create_service(
        serviceName="tier", taskDefinition=definition, desiredCount=3, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {
            "subnets": [zones.subnets["private", zone] for zone in zones.zones], "securityGroups": zones.groups[-1:]}},
    )
    lab.ecs.get_waiter("services_stable").wait(cluster="default", services=["tier"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    arns = lab.ecs.list_tasks(serviceName="tier")["taskArns"]
    subnets = {one["value"] for task in lab.ecs.describe_tasks(tasks=arns)["tasks"]
               for one in task["attachments"][0]["details"] if one["name"] == "subnetId"}
    assert subnets == {zones.subnets["private", zone] for zone in zones.zones}
    lab.ecs.delete_service(service="tier", force=True)
    until(lambda: not lab.ecs.list_tasks(serviceName="tier")["taskArns"], "the service's tasks end", seconds=30)
    until(lambda: all(task["lastStatus"] == "STOPPED" for task in lab.ecs.describe_tasks(tasks=arns)["tasks"]), "all stop", 30)


class Cli:
    """The AWS CLI, whose answers are JSON."""

    def __init__(self, server):
        self.server = server

    def ec2(self, command: str, *arguments: str):
        done = self.server.aws("ec2", command, *arguments, "--output", "json")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def refused(self, code: str, command: str, *arguments: str) -> None:
        done = self.server.aws("ec2", command, *arguments, check=False)
        assert done.returncode != 0 and f"({code})" in done.stderr, (done.stdout, done.stderr)


@pytest.mark.slow
def test_the_core_by_the_cli(own_lab):
    """A public and a private subnet, one NAT gateway, a task in each: as the manuals do it in a shell."""
    cli = Cli(own_lab.server)
    vpc = cli.ec2("create-vpc", "--cidr-block", "10.201.0.0/16",
                  "--tag-specifications", "ResourceType=vpc,Tags=[{Key=Name,Value=by-cli}]")["Vpc"]["VpcId"]
    cli.ec2("wait", "vpc-available", "--vpc-ids", vpc)
    assert cli.ec2("describe-vpcs", "--filters", "Name=tag:Name,Values=by-cli")["Vpcs"][0]["VpcId"] == vpc
    subnets = {}
    for place, tier in enumerate(("public", "private")):
        made = cli.ec2("create-subnet", "--vpc-id", vpc, "--cidr-block", f"10.201.{place}.0/24")["Subnet"]
        subnets[tier] = made["SubnetId"]
        assert made["AvailableIpAddressCount"] == 251
        cli.ec2("wait", "subnet-available", "--subnet-ids", subnets[tier])
    gateway = cli.ec2("create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
    cli.ec2("attach-internet-gateway", "--internet-gateway-id", gateway, "--vpc-id", vpc)
    address = cli.ec2("allocate-address", "--domain", "vpc")["AllocationId"]
    nat = cli.ec2("create-nat-gateway", "--subnet-id", subnets["public"], "--allocation-id", address)["NatGateway"]["NatGatewayId"]
    cli.ec2("wait", "nat-gateway-available", "--nat-gateway-ids", nat)
    tables, associations = {}, []
    for tier, target in (("public", ("--gateway-id", gateway)), ("private", ("--nat-gateway-id", nat))):
        tables[tier] = cli.ec2("create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
        route = cli.ec2("create-route", "--route-table-id", tables[tier], "--destination-cidr-block", EVERYONE, *target)
        assert route == {"Return": True}
        made = cli.ec2("associate-route-table", "--route-table-id", tables[tier], "--subnet-id", subnets[tier])
        associations.append(made["AssociationId"])
    group = cli.ec2("create-security-group", "--group-name", "cli", "--description", "cli", "--vpc-id", vpc)["GroupId"]
    cli.ec2("authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "8080", "--cidr", "10.201.0.0/24")
    with World() as world:
        public = Placed(own_lab, subnets["public"], [group], public=True)
        private = Placed(own_lab, subnets["private"], [group], public=False)
        for one in (public, private):
            until(lambda one=one: one.agent.reaches(world.address) == world.host, f"{one.address} reaches the world")
        until(lambda: public.agent.reaches(private.address) == public.address, "the public one reaches the private one")
        assert private.agent.reaches(public.address) is None
        cli.ec2("replace-route", "--route-table-id", tables["public"], "--destination-cidr-block", EVERYONE, "--nat-gateway-id", nat)
        # A NAT gateway whose own subnet doesn't lead out leads nowhere.
        until(lambda: private.agent.reaches(world.address) is None, "the way out is gone")
    cli.refused("DependencyViolation", "delete-subnet", "--subnet-id", subnets["private"])
    own_lab.clean()
    cli.ec2("delete-nat-gateway", "--nat-gateway-id", nat)
    cli.ec2("wait", "nat-gateway-deleted", "--nat-gateway-ids", nat)
    until(lambda: released(own_lab.client("ec2"), address), "the address is free", seconds=20)
    for association in associations:
        cli.ec2("disassociate-route-table", "--association-id", association)
    for table in tables.values():
        cli.ec2("delete-route-table", "--route-table-id", table)
    cli.ec2("detach-internet-gateway", "--internet-gateway-id", gateway, "--vpc-id", vpc)
    cli.ec2("delete-internet-gateway", "--internet-gateway-id", gateway)
    ec2 = own_lab.client("ec2")
    for subnet in subnets.values():
        until(lambda: deleted(ec2.delete_subnet, SubnetId=subnet), f"{subnet} is deleted", seconds=30)
    until(lambda: deleted(ec2.delete_security_group, GroupId=group), "the group is deleted", seconds=20)
    cli.ec2("delete-vpc", "--vpc-id", vpc)
    cli.refused("InvalidVpcID.NotFound", "describe-vpcs", "--vpc-ids", vpc)
