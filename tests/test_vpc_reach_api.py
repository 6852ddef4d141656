"""Prefix lists, VPC endpoints, peering connections and flow logs as boto3 and the AWS CLI use their API. Traffic has tests of its own."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from waiting import until


@pytest.fixture(scope="module")
def ec2(client):
    return client("ec2")


@pytest.fixture(scope="module")
def network(ec2) -> dict:
    """The default VPC, its subnets, and its main route table."""
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = ec2.describe_subnets(Filters=of_vpc)["Subnets"]
    tables = ec2.describe_route_tables(Filters=[*of_vpc, {"Name": "association.main", "Values": ["true"]}])
    return {
        "vpc": vpc,
        "subnets": [subnet["SubnetId"] for subnet in subnets],
        "table": tables["RouteTables"][0]["RouteTableId"],
    }


@pytest.fixture
def undo():
    """Undoes what a test made, the last thing first."""
    steps = []
    yield steps.append
    for step in reversed(steps):
        step()


def name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def code(call, **arguments) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def prefix_list(ec2, undo, *blocks: str, max_entries: int = 5) -> dict:
    made = ec2.create_managed_prefix_list(
        PrefixListName=name(),
        AddressFamily="IPv4",
        MaxEntries=max_entries,
        Entries=[{"Cidr": block, "Description": "for a test"} for block in blocks],
    )["PrefixList"]
    undo(lambda: ec2.delete_managed_prefix_list(PrefixListId=made["PrefixListId"]))
    return made


def test_a_prefix_list_lives(ec2, undo):
    made = prefix_list(ec2, undo, "10.0.0.0/8", "192.0.2.0/24")
    list_id = made["PrefixListId"]
    assert (made["State"], made["Version"]) == ("create-complete", 1)
    changed = ec2.modify_managed_prefix_list(
        PrefixListId=list_id,
        CurrentVersion=1,
        AddEntries=[{"Cidr": "198.51.100.0/24"}],
        RemoveEntries=[{"Cidr": "10.0.0.0/8"}],
    )["PrefixList"]
    assert changed["Version"] == 2
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=list_id)["Entries"]
    assert entries == [{"Cidr": "192.0.2.0/24", "Description": "for a test"}, {"Cidr": "198.51.100.0/24"}]
    assert code(
        ec2.modify_managed_prefix_list, PrefixListId=list_id, CurrentVersion=1, AddEntries=[{"Cidr": "203.0.113.0/24"}]
    ) == "PrefixListVersionMismatch"
    restored = ec2.restore_managed_prefix_list_version(PrefixListId=list_id, PreviousVersion=1, CurrentVersion=2)
    assert restored["PrefixList"]["Version"] == 3
    pages = ec2.get_paginator("describe_managed_prefix_lists").paginate(PaginationConfig={"PageSize": 5})
    assert list_id in [one["PrefixListId"] for page in pages for one in page["PrefixLists"]]


def test_aws_has_a_prefix_list_for_s3(ec2):
    by_name = [{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}]
    (managed,) = ec2.describe_managed_prefix_lists(Filters=by_name)["PrefixLists"]
    assert (managed["OwnerId"], managed["PrefixListId"]) == ("AWS", "pl-63a5400a")
    (listed,) = ec2.describe_prefix_lists(Filters=by_name)["PrefixLists"]
    assert listed["PrefixListId"] == managed["PrefixListId"]
    assert listed["Cidrs"]


def test_rules_name_prefix_lists(ec2, undo, network):
    made = prefix_list(ec2, undo, "10.0.0.0/8", max_entries=40)
    group = ec2.create_security_group(GroupName=name(), Description="for a test", VpcId=network["vpc"])["GroupId"]
    undo(lambda: ec2.delete_security_group(GroupId=group))
    permission = {
        "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": made["PrefixListId"]}]
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"][0]
    assert shown["PrefixListIds"] == [{"PrefixListId": made["PrefixListId"]}]
    # The list counts as forty rules, and a group may have sixty.
    another = {**permission, "FromPort": 80, "ToPort": 80}
    assert code(
        ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[another]
    ) == "RulesPerSecurityGroupLimitExceeded"
    assert code(ec2.delete_managed_prefix_list, PrefixListId=made["PrefixListId"]) == "DependencyViolation"
    users = ec2.get_managed_prefix_list_associations(PrefixListId=made["PrefixListId"])["PrefixListAssociations"]
    assert [user["ResourceId"] for user in users] == [group]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])


def test_an_egress_rule_is_described_anew(ec2, undo, network):
    group = ec2.create_security_group(GroupName=name(), Description="tests", VpcId=network["vpc"])["GroupId"]
    undo(lambda: ec2.delete_security_group(GroupId=group))
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "everywhere"}]}
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[everywhere])
    (shown,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert shown["IpPermissionsEgress"][0]["IpRanges"] == everywhere["IpRanges"]
    unknown = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": everywhere["IpRanges"]}
    refused = code(ec2.update_security_group_rule_descriptions_egress, GroupId=group, IpPermissions=[unknown])
    assert refused == "InvalidPermission.NotFound"


def test_a_gateway_endpoint_comes_with_its_routes(ec2, undo, network):
    made = ec2.create_vpc_endpoint(
        VpcId=network["vpc"], ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[network["table"]]
    )["VpcEndpoint"]
    endpoint = made["VpcEndpointId"]
    undo(lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]))
    assert (made["VpcEndpointType"], made["RouteTableIds"]) == ("Gateway", [network["table"]])
    assert json.loads(made["PolicyDocument"])["Statement"][0]["Effect"] == "Allow"

    def routes() -> list[dict]:
        table = ec2.describe_route_tables(RouteTableIds=[network["table"]])["RouteTables"][0]
        return [route for route in table["Routes"] if "DestinationPrefixListId" in route]

    assert [route["DestinationPrefixListId"] for route in routes()] == ["pl-63a5400a"]
    assert code(
        ec2.create_vpc_endpoint,
        VpcId=network["vpc"], ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[network["table"]],
    ) == "RouteAlreadyExists"
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[network["table"]])
    assert routes() == []


def test_an_interface_endpoint_has_interfaces_and_names(ec2, undo, network):
    made = ec2.create_vpc_endpoint(
        VpcId=network["vpc"],
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.logs",
        SubnetIds=network["subnets"][:2],
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "team", "Value": "blue"}]}],
    )["VpcEndpoint"]
    endpoint = made["VpcEndpointId"]
    undo(lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]))
    assert made["State"] in ("pending", "available")
    names = [entry["DnsName"] for entry in made["DnsEntries"]]
    assert names[0].startswith(endpoint) and names[-1] == "logs.us-east-1.amazonaws.com"
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])["NetworkInterfaces"]
    assert {one["SubnetId"] for one in interfaces} == set(network["subnets"][:2])
    assert all(one["RequesterManaged"] for one in interfaces)
    (found,) = ec2.describe_vpc_endpoints(Filters=[{"Name": "tag:team", "Values": ["blue"]}])["VpcEndpoints"]
    assert found["VpcEndpointId"] == endpoint
    policy = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "logs:*", "Resource": "*"}]}
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps(policy))
    (found,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    assert json.loads(found["PolicyDocument"]) == policy


def test_endpoints_are_for_services_that_are_served(ec2, network):
    services = ec2.describe_vpc_endpoint_services()
    assert "com.amazonaws.us-east-1.ecs" in services["ServiceNames"]
    assert code(
        ec2.create_vpc_endpoint, VpcId=network["vpc"], ServiceName="com.amazonaws.us-east-1.dynamodb"
    ) == "InvalidServiceName"
    assert code(
        ec2.create_vpc_endpoint,
        VpcId=network["vpc"],
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sts",
        SubnetIds=network["subnets"][:1],
        IpAddressType="ipv6",
    ) == "InvalidParameter"
    answer = ec2.delete_vpc_endpoints(VpcEndpointIds=["vpce-00000000000000000"])
    assert answer["Unsuccessful"][0]["Error"]["Code"] == "InvalidVpcEndpointId.NotFound"


def test_a_deleted_endpoint_goes_with_its_interfaces(ec2, network):
    made = ec2.create_vpc_endpoint(
        VpcId=network["vpc"],
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sts",
        SubnetIds=network["subnets"][:1],
    )["VpcEndpoint"]
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["Unsuccessful"] == []

    def is_gone() -> bool:
        by_id = [{"Name": "network-interface-id", "Values": made["NetworkInterfaceIds"]}]
        endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        left = [one for one in endpoints if one["VpcEndpointId"] == made["VpcEndpointId"]]
        return not left and not ec2.describe_network_interfaces(Filters=by_id)["NetworkInterfaces"]

    until(is_gone, "the endpoint and its interface are gone")


def test_peering_with_overlapping_addresses_fails(ec2, client, network):
    far = client("ec2", "eu-west-1").describe_vpcs()["Vpcs"][0]["VpcId"]
    made = ec2.create_vpc_peering_connection(VpcId=network["vpc"], PeerVpcId=far, PeerRegion="eu-west-1")
    assert made["VpcPeeringConnection"]["Status"]["Code"] == "failed"


def test_a_peering_connection_lives(ec2, undo, network):
    peer = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    undo(lambda: ec2.delete_vpc(VpcId=peer))
    made = ec2.create_vpc_peering_connection(VpcId=network["vpc"], PeerVpcId=peer)["VpcPeeringConnection"]
    connection = made["VpcPeeringConnectionId"]
    assert made["Status"]["Code"] == "pending-acceptance"
    ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[connection])
    accepted = ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=connection)["VpcPeeringConnection"]
    assert accepted["Status"]["Code"] in ("active", "provisioning")
    here, there = (
        ec2.create_security_group(GroupName=name(), Description="for a test", VpcId=vpc)["GroupId"]
        for vpc in (network["vpc"], peer)
    )
    permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": there}]}
    ec2.authorize_security_group_ingress(GroupId=here, IpPermissions=[permission])
    (reference,) = ec2.describe_security_group_references(GroupId=[there])["SecurityGroupReferenceSet"]
    assert (reference["ReferencingVpcId"], reference["VpcPeeringConnectionId"]) == (network["vpc"], connection)
    assert ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=connection)["Return"]
    ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[connection])
    (stale,) = ec2.describe_stale_security_groups(VpcId=network["vpc"])["StaleSecurityGroupSet"]
    assert stale["GroupId"] == here
    ec2.delete_security_group(GroupId=here)
    ec2.delete_security_group(GroupId=there)


def test_flow_logs_are_kept(ec2, client, undo, network):
    account = client("sts").get_caller_identity()["Account"]
    arguments = {
        "ResourceIds": [network["vpc"]],
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogGroupName": name(),
        "DeliverLogsPermissionArn": f"arn:aws:iam::{account}:role/flows",
        "MaxAggregationInterval": 60,
    }
    (made,) = ec2.create_flow_logs(**arguments)["FlowLogIds"]
    undo(lambda: ec2.delete_flow_logs(FlowLogIds=[made]))
    again = ec2.create_flow_logs(**arguments)
    assert again["Unsuccessful"][0]["Error"]["Code"] == "FlowLogAlreadyExists"
    (shown,) = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [network["vpc"]]}])["FlowLogs"]
    assert (shown["FlowLogId"], shown["FlowLogStatus"]) == (made, "ACTIVE")
    assert shown["LogFormat"].startswith("${version} ${account-id}")
    to_s3 = {**arguments, "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::bucket"}
    del to_s3["LogGroupName"]
    assert code(ec2.create_flow_logs, **to_s3) == "InvalidParameter"
    assert code(ec2.create_flow_logs, **{**arguments, "LogFormat": "${colour}"}) == "InvalidParameter"


def test_the_cli_makes_a_prefix_list(server, ec2):
    made = server.aws(
        "ec2", "create-managed-prefix-list", "--prefix-list-name", name(), "--max-entries", "2",
        "--address-family", "IPv4", "--entries", "Cidr=10.0.0.0/8,Description=office", "--output", "json",
    )
    list_id = json.loads(made.stdout)["PrefixList"]["PrefixListId"]
    ec2.delete_managed_prefix_list(PrefixListId=list_id)
    assert code(ec2.describe_managed_prefix_lists, PrefixListIds=[list_id]) == "InvalidPrefixListID.NotFound"
