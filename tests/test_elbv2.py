"""Elastic Load Balancing v2 as boto3 and the AWS CLI use its API. Traffic has tests of its own."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def elb(client):
    return client("elbv2")


@pytest.fixture(scope="module")
def network(client) -> dict:
    """The default VPC and its subnets, one per zone."""
    ec2 = client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    return {"vpc": vpc["VpcId"], "subnets": [subnet["SubnetId"] for subnet in subnets]}


@pytest.fixture
def made(elb, network):
    """Makes what tests need, and deletes it at the end."""
    maker = Maker(elb, network)
    yield maker
    maker.delete_all()


class Maker:
    def __init__(self, elb, network):
        self.elb = elb
        self.network = network
        self.load_balancers = []
        self.groups = []

    def load_balancer(self, **options) -> dict:
        options = {"Name": name(), "Subnets": self.network["subnets"][:2], **options}
        balancer = self.elb.create_load_balancer(**options)["LoadBalancers"][0]
        self.load_balancers.append(balancer["LoadBalancerArn"])
        return balancer

    def group(self, **options) -> dict:
        options = {
            "Name": name(), "Protocol": "HTTP", "Port": 80, "VpcId": self.network["vpc"], "TargetType": "ip", **options
        }
        group = self.elb.create_target_group(**options)["TargetGroups"][0]
        self.groups.append(group["TargetGroupArn"])
        return group

    def listener(self, **options) -> dict:
        """On port 80 of a new load balancer, with a new group, unless options say otherwise."""
        if "LoadBalancerArn" not in options:
            options["LoadBalancerArn"] = self.load_balancer()["LoadBalancerArn"]
        if "DefaultActions" not in options:
            options["DefaultActions"] = [{"Type": "forward", "TargetGroupArn": self.group()["TargetGroupArn"]}]
        options = {"Protocol": "HTTP", "Port": 80, **options}
        return self.elb.create_listener(**options)["Listeners"][0]

    def delete_all(self):
        for arn in self.load_balancers:
            self.elb.delete_load_balancer(LoadBalancerArn=arn)
        for arn in self.groups:
            self.elb.delete_target_group(TargetGroupArn=arn)


def name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def refusal(call, **arguments) -> tuple[str, str]:
    """Code and message of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def path_rule(group: str, path: str, priority: int) -> dict:
    return {
        "Priority": priority,
        "Conditions": [{"Field": "path-pattern", "Values": [path]}],
        "Actions": [{"Type": "forward", "TargetGroupArn": group}],
    }


def test_a_load_balancer_with_its_parts(elb, made, network):
    balancer = made.load_balancer(Tags=[{"Key": "team", "Value": "web"}])
    arn = balancer["LoadBalancerArn"]
    assert re.fullmatch(
        rf"arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/{balancer['LoadBalancerName']}/[0-9a-f]{{16}}",
        arn,
    )
    pattern = rf"{balancer['LoadBalancerName']}-[0-9]{{10}}\.us-east-1\.elb\.neargate\.internal"
    assert re.fullmatch(pattern, balancer["DNSName"])
    assert (balancer["Type"], balancer["Scheme"]) == ("application", "internet-facing")
    assert balancer["State"]["Code"] == "provisioning"
    assert len(balancer["SecurityGroups"]) == 1
    assert [zone["SubnetId"] for zone in balancer["AvailabilityZones"]] == network["subnets"][:2]
    group = made.group(HealthCheckPath="/up", Matcher={"HttpCode": "200,204"})
    assert (group["HealthCheckPath"], group["Matcher"]) == ("/up", {"HttpCode": "200,204"})
    listener = made.listener(
        LoadBalancerArn=arn, DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    )
    assert listener["ListenerArn"].startswith(arn.replace(":loadbalancer/", ":listener/") + "/")
    described = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    assert [one["LoadBalancerArns"] for one in described] == [[arn]]
    tags = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    assert tags == [{"Key": "team", "Value": "web"}]


def test_creating_again_is_the_same_or_refused(elb, made):
    balancer = made.load_balancer()
    again = made.load_balancer(Name=balancer["LoadBalancerName"])
    assert again["LoadBalancerArn"] == balancer["LoadBalancerArn"]
    assert refusal(made.load_balancer, Name=balancer["LoadBalancerName"], Scheme="internal") == (
        "DuplicateLoadBalancerName",
        f"A load balancer with the same name '{balancer['LoadBalancerName']}' exists, but with different settings",
    )
    group = made.group()
    assert made.group(Name=group["TargetGroupName"])["TargetGroupArn"] == group["TargetGroupArn"]
    assert refusal(made.group, Name=group["TargetGroupName"], Port=81) == (
        "DuplicateTargetGroupName",
        f"A target group with the same name '{group['TargetGroupName']}' exists, but with different settings",
    )


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"Subnets": ["{0}"]}, "ValidationError",
         "At least two subnets in two different Availability Zones must be specified"),
        ({"Subnets": ["{0}", "subnet-00000000000000000"]}, "SubnetNotFound",
         "The subnet ID 'subnet-00000000000000000' does not exist"),
        ({"Subnets": ["{0}", "{0}"]}, "InvalidConfigurationRequest",
         "A load balancer cannot be attached to multiple subnets in the same Availability Zone"),
        ({"Name": "internal-x"}, "ValidationError", "Load balancer name 'internal-x' cannot begin with 'internal-'"),
        ({"Type": "gateway"}, "OperationNotPermitted",
         "Gateway load balancers are not available in this installation."),
    ],
)
def test_load_balancers_that_cannot_be(made, network, options, code, message):
    if "Subnets" in options:
        options = {"Subnets": [subnet.format(*network["subnets"]) for subnet in options["Subnets"]]}
    assert refusal(made.load_balancer, **options) == (code, message)


def test_lists_have_pages(elb, made):
    names = sorted(made.group()["TargetGroupName"] for _ in range(5))
    pages = elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 2})
    found = [group["TargetGroupName"] for page in pages for group in page["TargetGroups"]]
    assert [one for one in found if one in names] == names
    assert refusal(elb.describe_target_groups, Names=["none"]) == (
        "TargetGroupNotFound", "One or more target groups not found")
    assert refusal(elb.describe_load_balancers, Names=["none"]) == (
        "LoadBalancerNotFound", "Load balancers '[none]' not found")


def test_rules_of_every_kind(elb, made):
    listener = made.listener()["ListenerArn"]
    group = elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["DefaultActions"][0]["TargetGroupArn"]
    other = made.group()["TargetGroupArn"]
    conditions = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/img/*"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Kind", "Values": ["a*"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1"}]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    ]
    actions = [
        {"Type": "forward", "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": group, "Weight": 9}, {"TargetGroupArn": other, "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60},
        }},
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}},
        {"Type": "fixed-response", "FixedResponseConfig": {
            "StatusCode": "503", "ContentType": "text/plain", "MessageBody": "later"}},
    ]
    for priority, action in enumerate(actions, 1):
        rule = elb.create_rule(
            ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[action])["Rules"][0]
        kind = next(key for key in action if key.endswith("Config"))
        told = rule["Actions"][0][kind]
        assert {key: told[key] for key in action[kind]} == action[kind]
        # What older clients know is told in both forms.
        assert rule["Conditions"][0] == {**conditions[0], "Values": ["*.example.com"]}
        assert rule["Conditions"][2:] == conditions[2:]
    regex = elb.create_rule(
        ListenerArn=listener, Priority=9,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/v[0-9]+/"]}}],
        Actions=actions[2:],
        Transforms=[{"Type": "url-rewrite", "UrlRewriteConfig": {
            "Rewrites": [{"Regex": "^/v1/(.*)$", "Replace": "/$1"}]}}],
    )["Rules"][0]
    assert regex["Transforms"][0]["UrlRewriteConfig"]["Rewrites"] == [{"Regex": "^/v1/(.*)$", "Replace": "/$1"}]
    priorities = [rule["Priority"] for rule in elb.describe_rules(ListenerArn=listener)["Rules"]]
    assert priorities == ["1", "2", "3", "9", "default"]


def test_rules_that_cannot_be(elb, made):
    listener = made.listener()["ListenerArn"]
    group = elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["DefaultActions"][0]["TargetGroupArn"]
    first = elb.create_rule(ListenerArn=listener, **path_rule(group, "/a", 1))["Rules"][0]["RuleArn"]
    second = elb.create_rule(ListenerArn=listener, **path_rule(group, "/b", 2))["Rules"][0]["RuleArn"]
    assert refusal(elb.create_rule, ListenerArn=listener, **path_rule(group, "/c", 1)) == (
        "PriorityInUse", "Priority '1' is currently in use")
    swap = [{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}]
    assert [rule["Priority"] for rule in elb.set_rule_priorities(RulePriorities=swap)["Rules"]] != ["1", "1"]
    oidc = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": {
        "Issuer": "https://x", "AuthorizationEndpoint": "https://x/a", "TokenEndpoint": "https://x/t",
        "UserInfoEndpoint": "https://x/u", "ClientId": "c"}}
    rule = path_rule(group, "/c", 3)
    assert refusal(elb.create_rule, ListenerArn=listener, **{**rule, "Actions": [oidc, *rule["Actions"]]}) == (
        "OperationNotPermitted", "Actions of type 'authenticate-oidc' are not available in this installation.")
    default = elb.describe_rules(ListenerArn=listener)["Rules"][-1]["RuleArn"]
    assert refusal(elb.delete_rule, RuleArn=default) == (
        "OperationNotPermitted", f"Default rule '{default}' cannot be deleted")
    assert refusal(elb.delete_target_group, TargetGroupArn=group) == (
        "ResourceInUse", f"Target group '{group}' is currently in use by a listener or a rule")


def test_targets_and_their_states(elb, made, client, network):
    group = made.group()["TargetGroupArn"]
    subnet = client("ec2").describe_subnets(SubnetIds=network["subnets"][:1])["Subnets"][0]
    address = subnet["CidrBlock"].rsplit(".", 1)[0] + ".77"
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": address}, {"Id": address, "Port": 8080}])
    found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert {one["HealthCheckPort"] for one in found} == {"80", "8080"}
    assert {one["Target"]["AvailabilityZone"] for one in found} == {subnet["AvailabilityZone"]}
    assert {one["TargetHealth"]["Reason"] for one in found} == {"Target.NotInUse"}
    made.listener(DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": address, "Port": 8080}])
    draining = elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": address, "Port": 8080}])
    assert draining["TargetHealthDescriptions"][0]["TargetHealth"] == {
        "State": "draining",
        "Reason": "Target.DeregistrationInProgress",
        "Description": "Target deregistration is in progress",
    }
    unknown = elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": "172.31.0.250", "Port": 1}])
    assert unknown["TargetHealthDescriptions"][0]["TargetHealth"]["Reason"] == "Target.NotRegistered"
    instances = made.group(TargetType="instance")["TargetGroupArn"]
    assert refusal(elb.register_targets, TargetGroupArn=instances, Targets=[{"Id": "i-0123456789abcdef0"}]) == (
        "InvalidTarget",
        "The following targets are not in a running state and cannot be registered: 'i-0123456789abcdef0'",
    )


def test_attributes_have_defaults_and_limits(elb, made):
    balancer = made.load_balancer()["LoadBalancerArn"]
    group = made.group()["TargetGroupArn"]
    told = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    attributes = {one["Key"]: one["Value"] for one in told}
    assert attributes["idle_timeout.timeout_seconds"] == "60"
    assert attributes["routing.http.desync_mitigation_mode"] == "defensive"
    assert attributes["access_logs.s3.bucket"] == ""
    told = elb.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "5"} in told
    assert refusal(
        elb.modify_load_balancer_attributes,
        LoadBalancerArn=balancer,
        Attributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": "false"}],
    ) == (
        "ValidationError",
        "The value for 'load_balancing.cross_zone.enabled' must always be 'true' for an Application Load Balancer",
    )


def test_a_port_is_given_once(elb, made):
    balancer = made.load_balancer()["LoadBalancerArn"]
    group = made.group()["TargetGroupArn"]
    actions = [{"Type": "forward", "TargetGroupArn": group}]

    def create(_):
        try:
            return made.listener(LoadBalancerArn=balancer, DefaultActions=actions)
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert answers.count("DuplicateListener") == 7
    assert len(elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]) == 1


def test_deleting_is_idempotent(elb, made):
    balancer = made.load_balancer()["LoadBalancerArn"]
    listener = made.listener(LoadBalancerArn=balancer)["ListenerArn"]
    for _ in range(2):
        elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[balancer])
    assert refusal(elb.describe_listeners, ListenerArns=[listener]) == (
        "ListenerNotFound", "One or more listeners not found")


@pytest.mark.slow
def test_the_command_line(server, network):
    def aws(*words: str, output: str = "text") -> str:
        return server.aws("elbv2", *words, "--output", output).stdout.strip()

    balancer = aws("create-load-balancer", "--name", "cli", "--type", "network", "--scheme", "internal",
                   "--subnets", *network["subnets"], "--query", "LoadBalancers[0].LoadBalancerArn")
    group = aws("create-target-group", "--name", "cli", "--protocol", "TCP", "--port", "5432", "--target-type", "ip",
                "--vpc-id", network["vpc"], "--query", "TargetGroups[0].TargetGroupArn")
    listener = aws("create-listener", "--load-balancer-arn", balancer, "--protocol", "TCP", "--port", "5432",
                   "--default-actions", f"Type=forward,TargetGroupArn={group}", "--query", "Listeners[0].ListenerArn")
    assert aws("describe-listeners", "--load-balancer-arn", balancer, "--query", "Listeners[0].Port") == "5432"
    aws("modify-listener", "--listener-arn", listener, "--port", "5433")
    described = json.loads(aws("describe-listeners", "--listener-arns", listener, output="json"))
    assert described["Listeners"][0]["Port"] == 5433
    aws("add-tags", "--resource-arns", listener, "--tags", "Key=a,Value=b")
    assert aws("describe-tags", "--resource-arns", listener, "--query", "TagDescriptions[0].Tags[0].Value") == "b"
    policy = aws("describe-ssl-policies", "--names", "ELBSecurityPolicy-TLS13-1-3-2021-06", "--query",
                 "SslPolicies[0].SslProtocols[0]")
    assert policy == "TLSv1.3"
    refused = server.aws("elbv2", "create-target-group", "--name", "fn", "--target-type", "lambda", check=False)
    assert refused.returncode != 0
    assert "Target groups of type 'lambda' are not available in this installation." in refused.stderr
    aws("delete-load-balancer", "--load-balancer-arn", balancer)
    aws("delete-target-group", "--target-group-arn", group)
    assert aws("describe-target-groups", "--query", "length(TargetGroups[?TargetGroupName=='cli'])") == "0"
