"""What tasks find inside their VPC: names, VPC endpoints; and what flow logs say of them."""

import contextlib
import json
import socket
import ssl
import urllib.parse
import uuid

import boto3
import pytest
from botocore.config import Config

from test_task_network import EVERYONE, Groups, Obedient
from waiting import until

REGION = "us-east-1"
EVERYTHING = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def groups(client) -> Groups:
    return Groups(client("ec2"))


@pytest.fixture
def asker(lab, groups) -> Obedient:
    return Obedient(lab, groups.control)


def port(number: int, **peer) -> dict:
    return {"IpProtocol": "tcp", "FromPort": number, "ToPort": number, **peer}


@contextlib.contextmanager
def endpoint(client, groups: Groups, service: str, **options):
    """A VPC endpoint of the default VPC, as long as the block runs."""
    ec2 = client("ec2")
    made = ec2.create_vpc_endpoint(
        VpcId=groups.vpc, ServiceName=f"com.amazonaws.{REGION}.{service}", **options
    )["VpcEndpoint"]
    id = made["VpcEndpointId"]

    def described() -> dict:
        return ec2.describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"][0]

    try:
        until(lambda: described()["State"] == "available", f"{service} is available")
        yield described()
    finally:
        ec2.delete_vpc_endpoints(VpcEndpointIds=[id])
        until(
            lambda: not ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-endpoint-id", "Values": [id]}])[
                "VpcEndpoints"
            ],
            f"{service} is gone",
            seconds=10,
        )


def interface_endpoint(client, groups: Groups, lab, service: str, group: str, **options):
    subnets = lab.network["awsvpcConfiguration"]["subnets"]
    return endpoint(
        client, groups, service, VpcEndpointType="Interface", SubnetIds=subnets, SecurityGroupIds=[group], **options
    )


def presigned(server, service: str, url: str, operation: str, **arguments) -> str:
    """A request to `url` that needs no client to send it."""
    variables = server.environment()
    signer = boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version="s3v4") if service == "s3" else None,
    )
    return signer.generate_presigned_url(operation, Params=arguments, HttpMethod="GET")


def fetch(task: Obedient, url: str, seconds: int = 3) -> str:
    """The whole answer over plain HTTP, whatever its status; empty when there is none."""
    parts = urllib.parse.urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    request = f"GET {path} HTTP/1.1\\r\\nHost: {parts.hostname}\\r\\nConnection: close\\r\\n\\r\\n"
    # As an argument: a percent sign in the format would be an order.
    quoted = request.replace("%", "%%")
    # Open until the answer is there: a client that has gone isn't answered.
    return task.ask(f"(printf '{quoted}'; sleep 1) | timeout {seconds} nc {parts.hostname} 80 2>&1")


def resolve(task: Obedient, name: str) -> str:
    return task.ask(f"timeout 3 nslookup {name} 2>&1 || echo failed", seconds=20)


def addresses(client, described: dict) -> set[str]:
    found = client("ec2").describe_network_interfaces(NetworkInterfaceIds=described["NetworkInterfaceIds"])
    return {one["PrivateIpAddress"] for one in found["NetworkInterfaces"]}


def test_an_interface_endpoint_serves_its_service(server, client, lab, groups, asker):
    """Inside, the service's own name leads to the endpoint; its group decides who gets there; it serves nothing else."""
    group = groups.make()
    with interface_endpoint(client, groups, lab, "sts", group, PrivateDnsEnabled=True) as described:
        own = described["DnsEntries"][0]["DnsName"]
        (address,) = addresses(client, described)
        for name in (f"sts.{REGION}.amazonaws.com", own):
            until(lambda name=name: address in resolve(asker, name), f"{name} is known")
        url = f"http://sts.{REGION}.amazonaws.com"
        who = presigned(server, "sts", url, "get_caller_identity")
        assert "GetCallerIdentityResult" not in fetch(asker, who, seconds=2), "no group lets anyone in"
        groups.allow(group, port(80, IpRanges=[EVERYONE]))
        until(lambda: "GetCallerIdentityResult" in fetch(asker, who), "the rule counts")
        by_own_name = presigned(server, "sts", f"http://{own}", "get_caller_identity")
        assert "GetCallerIdentityResult" in fetch(asker, by_own_name)
        # Another service's request isn't served here, nor is what only the main port has.
        other = presigned(server, "iam", url, "list_users")
        assert "Credential should be scoped to correct service: 'sts'." in fetch(asker, other)
        assert "liveTasks" not in fetch(asker, f"{url}/_neargate/health")
        groups.forbid(group, port(80, IpRanges=[EVERYONE]))
        until(lambda: "GetCallerIdentityResult" not in fetch(asker, who, seconds=2), "the rule is gone")


def test_an_endpoint_has_certificates_for_its_names(server, client, lab, groups):
    """Port 443 serves TLS by the installation's own authority. Asked from the host, which reaches every interface."""
    with interface_endpoint(client, groups, lab, "ecs", groups.make(), PrivateDnsEnabled=True) as described:
        (address,) = addresses(client, described)
        trusting = ssl.create_default_context(cafile=str(server.data_dir / "tls" / "authority.pem"))
        for name in (f"ecs.{REGION}.amazonaws.com", described["DnsEntries"][0]["DnsName"]):
            with socket.create_connection((address, 443), timeout=5) as plain:
                with trusting.wrap_socket(plain, server_hostname=name) as secure:
                    request = f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
                    secure.sendall(request.encode())
                    assert secure.recv(4096).startswith(b"HTTP/1.1 4"), "an unsigned request is refused"


def test_an_endpoint_policy_decides(server, client, lab, groups, asker):
    """What no statement allows is denied, in AWS's words; a changed policy holds at once."""
    group = groups.make(port(80, IpRanges=[EVERYONE]))
    ec2 = client("ec2")
    nothing = json.dumps({"Statement": [{**EVERYTHING, "Action": "sts:AssumeRole"}]})
    with interface_endpoint(
        client, groups, lab, "sts", group, PrivateDnsEnabled=True, PolicyDocument=nothing
    ) as described:
        who = presigned(server, "sts", f"http://sts.{REGION}.amazonaws.com", "get_caller_identity")
        denial = "because no VPC endpoint policy allows the sts:GetCallerIdentity action"
        until(lambda: denial in fetch(asker, who), "the policy denies")
        id = described["VpcEndpointId"]
        ec2.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=json.dumps({"Statement": [EVERYTHING]}))
        until(lambda: "GetCallerIdentityResult" in fetch(asker, who), "the policy allows")
        only = {**EVERYTHING, "Condition": {"StringEquals": {"aws:SourceVpce": id}}}
        ec2.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=json.dumps({"Statement": [only]}))
        assert "GetCallerIdentityResult" in fetch(asker, who)
        deny = {**EVERYTHING, "Effect": "Deny"}
        ec2.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=json.dumps({"Statement": [EVERYTHING, deny]}))
        explicit = "with an explicit deny in a VPC endpoint policy"
        until(lambda: explicit in fetch(asker, who), "the policy denies again")


def test_a_gateway_endpoint_leads_to_s3(server, client, lab, groups, asker):
    """By routes, to buckets in the host's name as well as in the path."""
    s3, ec2 = client("s3"), client("ec2")
    bucket = f"inside-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="greeting", Body=b"hello from s3")
    main = ec2.describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [groups.vpc]}, {"Name": "association.main", "Values": ["true"]}]
    )["RouteTables"][0]["RouteTableId"]
    by_path = presigned(server, "s3", f"http://s3.{REGION}.amazonaws.com", "get_object", Bucket=bucket, Key="greeting")
    name = f"http://{bucket}.s3.{REGION}.amazonaws.com"
    with endpoint(client, groups, "s3", VpcEndpointType="Gateway", RouteTableIds=[main]):
        by_host = presigned(
            server, "s3", f"http://s3.{REGION}.amazonaws.com", "get_object", Bucket=bucket, Key="greeting"
        )
        until(lambda: "hello from s3" in fetch(asker, by_host), "the gateway leads to S3")
        assert "hello from s3" in fetch(asker, by_path)
        assert "AccessDenied" in fetch(asker, f"{name}/greeting"), "nobody may read it without a signature"
    until(lambda: "hello from s3" not in fetch(asker, by_path, seconds=2), "without the endpoint")


def test_dns_support_can_be_turned_off(client, groups, asker):
    """Without it the VPC has no resolver; with it again, the resolver answers again."""
    ec2 = client("ec2")
    name = "ip-172-31-0-9.ec2.internal"
    assert "172.31.0.9" in resolve(asker, name)
    ec2.modify_vpc_attribute(VpcId=groups.vpc, EnableDnsSupport={"Value": False})
    try:
        until(lambda: "172.31.0.9" not in resolve(asker, name), "there is no resolver")
        assert "172.31.0.9" not in resolve(asker, f"{name} 169.254.169.253")
    finally:
        ec2.modify_vpc_attribute(VpcId=groups.vpc, EnableDnsSupport={"Value": True})
    until(lambda: "172.31.0.9" in resolve(asker, name), "the resolver answers again")


def test_names_of_a_second_block(client, groups, asker):
    """Addresses of every block of the VPC have names, from the moment the VPC has the block."""
    ec2 = client("ec2")
    name = "ip-172-30-0-9.ec2.internal"
    assert "172.30.0.9" not in resolve(asker, name)
    block = ec2.associate_vpc_cidr_block(VpcId=groups.vpc, CidrBlock="172.30.0.0/20")["CidrBlockAssociation"]
    try:
        until(lambda: "Address: 172.30.0.9" in resolve(asker, name), "the new block's names")
        assert "Address: 172.31.0.9" in resolve(asker, "ip-172-31-0-9.ec2.internal")
        assert name in resolve(asker, "172.30.0.9")
        assert "NXDOMAIN" in resolve(asker, "ip-172-30-16-9.ec2.internal")
    finally:
        ec2.disassociate_vpc_cidr_block(AssociationId=block["AssociationId"])
    until(lambda: "Address: 172.30.0.9" not in resolve(asker, name), "the block's names go")


def test_dhcp_options_reach_tasks(client, lab, groups):
    """New tasks get the servers and the domains that the VPC's options name."""
    ec2 = client("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[groups.vpc])["Vpcs"][0]
    made = ec2.create_dhcp_options(DhcpConfigurations=[
        {"Key": "domain-name", "Values": ["example.internal"]},
        {"Key": "domain-name-servers", "Values": ["192.0.2.53", "AmazonProvidedDNS"]},
    ])["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(VpcId=groups.vpc, DhcpOptionsId=made)
    try:
        lines = lab.run("cat /etc/resolv.conf")
        assert lines == ["search example.internal", "nameserver 192.0.2.53", "nameserver 172.31.0.2"]
    finally:
        ec2.associate_dhcp_options(VpcId=groups.vpc, DhcpOptionsId=vpc["DhcpOptionsId"])
        ec2.delete_dhcp_options(DhcpOptionsId=made)
    assert lab.run("cat /etc/resolv.conf") == ["search ec2.internal", "nameserver 172.31.0.2"]


def flow_role(client) -> str:
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}
    }]}
    name = f"flow-logs-{uuid.uuid4().hex[:8]}"
    return client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


@pytest.mark.slow
def test_flow_logs_record_what_passed(client, lab, groups):
    """A record per interface and flow at the end of the minute: what was let through, what was refused, who was idle."""
    ec2, logs = client("ec2"), client("logs")
    sender, refused, idle = (Obedient(lab, groups.control) for _ in range(3))
    server = Obedient(lab, groups.control, groups.make(port(8080, IpRanges=[EVERYONE])))
    group = f"/tests/flows-{uuid.uuid4().hex[:8]}"
    made = ec2.create_flow_logs(
        ResourceIds=[groups.vpc], ResourceType="VPC", TrafficType="ALL", LogGroupName=group,
        DeliverLogsPermissionArn=flow_role(client), MaxAggregationInterval=60,
    )
    assert made["Unsuccessful"] == []
    (id,) = made["FlowLogIds"]
    try:
        def records(task: Obedient) -> list[list[str]]:
            stream = f"{task.task.interface['networkInterfaceId']}-all"
            with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
                answer = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
                return [event["message"].split() for event in answer["events"]]
            return []

        def of_sender(task: Obedient, action: str) -> list[list[str]]:
            """Records of what the sender sent to port 8080."""
            found = records(task)
            return [line for line in found if (line[3], line[6], line[12]) == (sender.address, "8080", action)]

        def recorded() -> list[list[str]]:
            # Again and again: counting begins when the node knows of the log.
            assert sender.reaches(server.address)
            assert not sender.reaches(refused.address)
            return of_sender(server, "ACCEPT")

        line = until(recorded, "a record", seconds=130, every=1)[0]
        eni = server.task.interface["networkInterfaceId"]
        assert line[:3] == ["2", client("sts").get_caller_identity()["Account"], eni]
        assert (line[4], line[7], line[13]) == (server.address, "6", "OK")
        assert int(line[8]) > 0 and int(line[9]) > int(line[8])
        assert 0 < int(line[11]) - int(line[10]) <= 61
        until(lambda: of_sender(refused, "REJECT"), "the refusal's record", seconds=70, every=1)
        assert not of_sender(refused, "ACCEPT")
        sent = {line[4] for line in of_sender(sender, "ACCEPT")}
        assert {server.address, refused.address} <= sent, "the sender's own rules let both go"
    finally:
        ec2.delete_flow_logs(FlowLogIds=[id])
    # Whoever was quiet for a whole interval is told so.
    lone = ec2.create_flow_logs(
        ResourceIds=[idle.task.interface["networkInterfaceId"]], ResourceType="NetworkInterface",
        TrafficType="REJECT", LogGroupName=group, DeliverLogsPermissionArn=flow_role(client),
        MaxAggregationInterval=60, LogFormat="${interface-id} ${vpc-id} ${action} ${log-status}",
    )["FlowLogIds"]
    try:
        stream = f"{idle.task.interface['networkInterfaceId']}-reject"

        def told() -> list[str]:
            with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
                answer = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
                return [event["message"] for event in answer["events"]]
            return []

        lines = until(told, "a record of nothing", seconds=75, every=1)
        assert lines[0] == f"{idle.task.interface['networkInterfaceId']} {groups.vpc} - NODATA"
    finally:
        ec2.delete_flow_logs(FlowLogIds=lone)
