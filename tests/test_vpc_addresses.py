"""Elastic IPs, NAT gateways, network interfaces and network ACLs as boto3 and the AWS CLI use their API."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from waiting import until


@pytest.fixture(scope="module")
def ec2(client):
    return client("ec2")


@pytest.fixture
def undo():
    """Calls to make at the end, the last one first."""
    calls = []
    yield lambda call, **arguments: calls.append((call, arguments))
    for call, arguments in reversed(calls):
        try:
            call(**arguments)
        except ClientError as error:
            if not error.response["Error"]["Code"].endswith(("NotFound", ".NotFound")):
                raise


@pytest.fixture
def elastic_ip(ec2, undo) -> dict:
    address = ec2.allocate_address(Domain="vpc")
    undo(ec2.release_address, AllocationId=address["AllocationId"])
    return address


@pytest.fixture
def interface(ec2, subnet, undo) -> dict:
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    undo(ec2.delete_network_interface, NetworkInterfaceId=made["NetworkInterfaceId"])
    return made


def code(call, **arguments) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_an_elastic_ip_goes_where_it_is_sent(ec2, elastic_ip, interface):
    allocation, eni = elastic_ip["AllocationId"], interface["NetworkInterfaceId"]
    assert elastic_ip["PublicIp"].startswith("127.80.")
    association = ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=eni)["AssociationId"]
    shown = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]
    assert (shown["AssociationId"], shown["NetworkInterfaceId"]) == (association, eni)
    assert shown["PrivateIpAddress"] == interface["PrivateIpAddress"]
    seen = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]
    assert seen["Association"]["PublicIp"] == elastic_ip["PublicIp"]
    dashed = elastic_ip["PublicIp"].replace(".", "-")
    assert seen["Association"]["PublicDnsName"] == f"ec2-{dashed}.compute-1.amazonaws.com"
    assert code(ec2.release_address, AllocationId=allocation) == "InvalidIPAddress.InUse"
    ec2.disassociate_address(AssociationId=association)
    assert "AssociationId" not in ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]


def test_an_address_is_released_once(ec2):
    address = ec2.allocate_address(Domain="vpc")
    ec2.release_address(AllocationId=address["AllocationId"])
    gone = code(ec2.release_address, AllocationId=address["AllocationId"])
    assert gone == "InvalidAllocationID.NotFound"
    assert code(ec2.describe_addresses, PublicIps=[address["PublicIp"]]) == "InvalidAddress.NotFound"
    assert code(ec2.allocate_address, DryRun=True) == "DryRunOperation"


def test_a_nat_gateway_lives_and_gives_its_address_back(ec2, subnet, elastic_ip, undo):
    tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "team", "Value": "blue"}]}]
    made = ec2.create_nat_gateway(
        SubnetId=subnet, AllocationId=elastic_ip["AllocationId"], TagSpecifications=tags, ClientToken=str(uuid.uuid4())
    )["NatGateway"]
    nat = made["NatGatewayId"]
    undo(ec2.delete_nat_gateway, NatGatewayId=nat)
    assert made["State"] in ("pending", "available")
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    shown = ec2.describe_nat_gateways(Filters=[{"Name": "tag:team", "Values": ["blue"]}])["NatGateways"]
    address = next(one for one in shown if one["NatGatewayId"] == nat)["NatGatewayAddresses"][0]
    assert address["PublicIp"] == elastic_ip["PublicIp"]
    eni = ec2.describe_network_interfaces(NetworkInterfaceIds=[address["NetworkInterfaceId"]])["NetworkInterfaces"][0]
    assert (eni["InterfaceType"], eni["RequesterManaged"], eni["Status"]) == ("nat_gateway", True, "in-use")
    assert code(ec2.delete_network_interface, NetworkInterfaceId=eni["NetworkInterfaceId"]) == "InvalidParameterValue"
    again = code(ec2.create_nat_gateway, SubnetId=subnet, AllocationId=elastic_ip["AllocationId"])
    assert again == "Resource.AlreadyAssociated"

    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    ec2.release_address(AllocationId=elastic_ip["AllocationId"])
    gone = code(ec2.describe_network_interfaces, NetworkInterfaceIds=[eni["NetworkInterfaceId"]])
    assert gone == "InvalidNetworkInterfaceID.NotFound"


def test_a_nat_gateway_without_a_way_out_fails(ec2, elastic_ip, undo):
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    undo(ec2.delete_vpc, VpcId=vpc)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.99.1.0/24")["Subnet"]["SubnetId"]
    undo(ec2.delete_subnet, SubnetId=subnet)
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=elastic_ip["AllocationId"])["NatGateway"]
    assert (made["State"], made["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert code(ec2.create_nat_gateway, SubnetId=subnet) == "MissingParameter"


def test_interfaces_keep_their_addresses(ec2, subnet, interface):
    eni = interface["NetworkInterfaceId"]
    assigned = ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=2)
    secondary = [one["PrivateIpAddress"] for one in assigned["AssignedPrivateIpAddresses"]]
    taken = code(ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress=secondary[0])
    assert taken == "InvalidIPAddress.InUse"
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=secondary)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": False})
    attribute = ec2.describe_network_interface_attribute(NetworkInterfaceId=eni, Attribute="sourceDestCheck")
    assert attribute["SourceDestCheck"] == {"Value": False}
    instance = "i-0123456789abcdef0"
    unknown = code(ec2.attach_network_interface, NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
    assert unknown == "InvalidInstanceID.NotFound"
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni])


def test_a_user_s_interface_stays(ec2, interface, lab):
    """The loop that removes interfaces of stopped tasks must leave it alone."""
    lab.run("true")
    found = ec2.describe_network_interfaces(Filters=[{"Name": "requester-managed", "Values": ["false"]}])
    assert interface["NetworkInterfaceId"] in [one["NetworkInterfaceId"] for one in found["NetworkInterfaces"]]


def test_network_acls_decide_in_order(ec2, undo):
    vpc = ec2.create_vpc(CidrBlock="10.98.0.0/16")["Vpc"]["VpcId"]
    undo(ec2.delete_vpc, VpcId=vpc)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.98.1.0/24")["Subnet"]["SubnetId"]
    undo(ec2.delete_subnet, SubnetId=subnet)
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    undo(ec2.delete_network_acl, NetworkAclId=acl)
    entry = {"NetworkAclId": acl, "Egress": False, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    ec2.create_network_acl_entry(**entry, RuleNumber=100, PortRange={"From": 80, "To": 80})
    assert code(ec2.create_network_acl_entry, **entry, RuleNumber=110) == "MissingParameter"
    ec2.replace_network_acl_entry(**entry, RuleNumber=100, PortRange={"From": 443, "To": 443})
    current = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
    current = current["NetworkAcls"][0]
    association = next(one for one in current["Associations"] if one["SubnetId"] == subnet)
    new = ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
    )["NewAssociationId"]
    assert code(ec2.delete_network_acl, NetworkAclId=acl) == "DependencyViolation"
    shown = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]
    ports = [one["PortRange"] for one in shown["Entries"] if "PortRange" in one]
    assert ports == [{"From": 443, "To": 443}]
    assert [one["SubnetId"] for one in shown["Associations"]] == [subnet]
    ec2.replace_network_acl_association(AssociationId=new, NetworkAclId=current["NetworkAclId"])


def test_a_network_load_balancer_has_an_elastic_ip(ec2, client, subnet, elastic_ip, undo):
    elb = client("elbv2")
    mapping = {"SubnetId": subnet, "AllocationId": elastic_ip["AllocationId"]}
    name = f"eip-{uuid.uuid4().hex[:8]}"
    made = elb.create_load_balancer(Name=name, Type="network", SubnetMappings=[mapping])["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    undo(elb.delete_load_balancer, LoadBalancerArn=arn)
    elb.get_waiter("load_balancer_available").wait(
        LoadBalancerArns=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    shown = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    address = shown["AvailabilityZones"][0]["LoadBalancerAddresses"][0]
    assert (address["IpAddress"], address["AllocationId"]) == (elastic_ip["PublicIp"], elastic_ip["AllocationId"])
    held = ec2.describe_addresses(AllocationIds=[elastic_ip["AllocationId"]])["Addresses"][0]
    assert code(ec2.disassociate_address, AssociationId=held["AssociationId"]) == "AuthFailure"
    assert code(ec2.release_address, AllocationId=elastic_ip["AllocationId"]) == "InvalidIPAddress.InUse"
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn])

    def free() -> bool:
        return "AssociationId" not in ec2.describe_addresses(AllocationIds=[elastic_ip["AllocationId"]])["Addresses"][0]

    until(free, "the load balancer's address is free")


def test_the_cli_reads_and_writes_addresses(server, ec2):
    made = json.loads(server.aws("ec2", "allocate-address", "--domain", "vpc").stdout)
    listed = json.loads(server.aws("ec2", "describe-addresses", "--allocation-ids", made["AllocationId"]).stdout)
    assert listed["Addresses"][0]["PublicIp"] == made["PublicIp"]
    server.aws("ec2", "release-address", "--allocation-id", made["AllocationId"])
    types = json.loads(server.aws("ec2", "describe-instance-types", "--instance-types", "t3.micro").stdout)
    assert types["InstanceTypes"][0]["VCpuInfo"]["DefaultVCpus"] == 2
    assert json.loads(server.aws("ec2", "describe-instances").stdout) == {"Reservations": []}
