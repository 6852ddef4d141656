"""What an application load balancer does with requests: rules, actions, headers, cookies, streams, failures."""

import json
import socket
import urllib.request

import pytest
from websockets.sync.client import connect

from waiting import until


@pytest.fixture(scope="module")
def lab(shared_service_lab):
    yield shared_service_lab
    shared_service_lab.clean()


@pytest.fixture(scope="module")
def two(lab):
    """Two services behind one listener: the first by default, the second where rules say so."""
    balancer = lab.balancer()
    groups = [lab.target_group(), lab.target_group()]
    listener = balancer.listener(groups[0])
    balancer.rule(listener, 1, [{"Field": "path-pattern", "Values": ["/second/*"]}], {"Type": "forward", "TargetGroupArn": groups[1]})
    made = [lab.service(lab.define(str(number + 1)), group, count=1) for number, group in enumerate(groups)]
    for service, group in zip(made, groups):
        service.stable()
        lab.healthy(group, 1)
    return balancer, listener, groups, made


def headers(balancer, *options: str, path: str = "/headers") -> dict[str, str]:
    return {name.lower(): value for name, value in json.loads(balancer.get(path, *options))["headers"]}


CONDITIONS = [
    ({"Field": "host-header", "Values": ["*.second.internal"]}, ["-H", "Host: a.Second.internal"], ["-H", "Host: second.internal"]),
    ({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Kind", "Values": ["be?t*"]}}, ["-H", "x-kind: BestOf"], ["-H", "x-kind: bet"]),
    ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["DELETE"]}}, ["-X", "DELETE"], ["-X", "PUT"]),
    ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2*"}]}}, ["-G", "-d", "v=20"], ["-G", "-d", "w=20"]),
    ({"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.0/8"]}}, [], None),
]


@pytest.mark.parametrize("condition, matching, other", CONDITIONS, ids=[one[0]["Field"] for one in CONDITIONS])
def test_a_condition_leads_to_the_second_service(two, condition, matching, other):
    balancer, listener, groups, _ = two
    arn = balancer.rule(listener, 50, [condition], {"Type": "forward", "TargetGroupArn": groups[1]})
    try:
        until(lambda: "version 2" in balancer.get("/", *matching), "the rule is in effect", 5)
        if other is not None:
            assert "version 1" in balancer.get("/", *other)
    finally:
        balancer.lab.elb.delete_rule(RuleArn=arn)
    until(lambda: "version 1" in balancer.get("/", *matching), "the rule is gone", 5)


def test_a_regular_expression_and_priorities(two):
    balancer, listener, groups, _ = two
    second = {"Type": "forward", "TargetGroupArn": groups[1]}
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": "short and stout"}}
    regex = balancer.rule(listener, 60, [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/v[0-9]+$"]}}], second)
    teapot = balancer.rule(listener, 61, [{"Field": "path-pattern", "Values": ["/v7"]}], fixed)
    until(lambda: "version 2" in balancer.get("/v7"), "the lower number wins")
    assert "version 1" in balancer.get("/vx")
    balancer.lab.elb.set_rule_priorities(RulePriorities=[{"RuleArn": regex, "Priority": 61}, {"RuleArn": teapot, "Priority": 60}])
    until(lambda: balancer.status("/v7") == 418, "the numbers have changed")
    assert balancer.curl("/v7").stdout == "short and stout"
    for arn in (regex, teapot):
        balancer.lab.elb.delete_rule(RuleArn=arn)


def test_redirects_say_where_to(two):
    balancer, listener, groups, _ = two
    action = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "Path": "/new/#{path}", "Query": "was=#{query}", "StatusCode": "HTTP_301"}}
    arn = balancer.rule(listener, 70, [{"Field": "path-pattern", "Values": ["/old*"]}], action)
    until(lambda: balancer.status("/old") == 301, "the rule is in effect")
    found = balancer.curl("/old/page?a=1", "-o", "/dev/null", "-w", "%{redirect_url}").stdout
    assert found == f"https://{balancer.host}:443/new/old/page?was=a=1"
    balancer.lab.elb.delete_rule(RuleArn=arn)


def test_weights_share_the_requests_and_stickiness_holds_them(two):
    balancer, listener, groups, _ = two
    forward = {"TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 1}, {"TargetGroupArn": groups[1], "Weight": 3}]}
    arn = balancer.rule(listener, 80, [{"Field": "path-pattern", "Values": ["/shared"]}], {"Type": "forward", "ForwardConfig": forward})
    until(lambda: any("version 2" in balancer.get("/shared") for _ in range(5)), "the rule is in effect")
    answers = [balancer.get("/shared").split()[1] for _ in range(80)]
    assert 40 <= answers.count("2") <= 76, answers
    forward["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
    balancer.lab.elb.modify_rule(RuleArn=arn, Actions=[{"Type": "forward", "ForwardConfig": forward}])
    jar = str(balancer.lab.folder / "jar")
    until(lambda: "AWSALBTG" in balancer.get("/shared", "-c", jar, "-i"), "a cookie")
    first = balancer.get("/shared", "-b", jar)
    assert {balancer.get("/shared", "-b", jar) for _ in range(20)} == {first}
    balancer.lab.elb.delete_rule(RuleArn=arn)


def test_the_target_sees_who_asks(two):
    balancer, *_ = two
    seen = headers(balancer)
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("http", "80")
    assert seen["x-amzn-trace-id"].startswith("Root=1-")
    assert seen["host"] == balancer.host
    seen = headers(balancer, "-H", "X-Forwarded-For: 10.1.1.1", "-H", "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678")
    assert seen["x-forwarded-for"] == "10.1.1.1, 127.0.0.1"
    assert seen["x-amzn-trace-id"].startswith("Self=1-") and seen["x-amzn-trace-id"].endswith(";Root=1-67891233-abcdef012345678912345678")


@pytest.mark.parametrize("mode, expected", [("preserve", "10.1.1.1"), ("remove", None), ("append", "10.1.1.1, 127.0.0.1")])
def test_modes_of_forwarded_for(two, mode, expected):
    balancer, *_ = two
    balancer.lab.elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer.arn, Attributes=[{"Key": "routing.http.xff_header_processing.mode", "Value": mode}])
    until(lambda: headers(balancer, "-H", "X-Forwarded-For: 10.1.1.1").get("x-forwarded-for") == expected, mode, 5)


def test_streams_go_both_ways_as_they_come(two):
    balancer, *_ = two
    with socket.create_connection((balancer.host, 80), timeout=10) as stream:
        stream.sendall(f"POST /echo HTTP/1.1\r\nHost: {balancer.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        stream.sendall(b"5\r\nfirst\r\n")
        received = b""
        while b"first" not in received:
            received += stream.recv(4096)
        # The request isn't over: nothing waited for its end.
        stream.sendall(b"6\r\nsecond\r\n0\r\n\r\n")
        while b"second" not in received:
            received += stream.recv(4096)
    assert received.startswith(b"HTTP/1.1 200")


def test_a_websocket_lives_on(two):
    balancer, *_ = two
    with connect(f"ws://{balancer.host}/ws") as ws:
        for size in (1, 1_000, 100_000):
            ws.send("x" * size)
            assert ws.recv(timeout=10) == "x" * size


def test_failures_have_the_codes_of_aws(two):
    balancer, listener, groups, made = two
    assert balancer.status("/close") == 502
    assert balancer.status("/", "-X", "TRACE") == 405
    assert balancer.status("/", "-H", f"X-Forwarded-For: {', '.join(['10.0.0.1'] * 31)}") == 463
    assert balancer.status("/", "-H", "X-Big: " + "x" * 70_000) == 400
    empty = balancer.lab.target_group()
    arn = balancer.rule(listener, 90, [{"Field": "path-pattern", "Values": ["/empty"]}], {"Type": "forward", "TargetGroupArn": empty})
    until(lambda: balancer.status("/empty") == 503, "a group without targets")
    page = balancer.curl("/empty", "-i").stdout
    assert "server: awselb/2.0" in page.lower() and "<title>503 Service Temporarily Unavailable</title>" in page
    balancer.lab.elb.delete_rule(RuleArn=arn)
    balancer.lab.elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer.arn, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "1"}])
    until(lambda: balancer.status("/slow?ms=3000") == 504, "the idle timeout")


def test_ambiguous_requests_never_reach_a_target(two):
    balancer, *_ = two
    for smuggled in (
        b"POST /headers HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
        b"POST /headers HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"GET /headers HTTP/1.1\r\nHost : x\r\n\r\n",
    ):
        with socket.create_connection((balancer.host, 80), timeout=5) as stream:
            stream.sendall(smuggled)
            answer = b""
            while chunk := stream.recv(65536):
                answer += chunk
                if b"\r\n\r\n" in answer:
                    break
            assert b"/evil" not in answer
            assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200")), answer[:200]


def test_security_groups_of_the_balancer_hold(lab, two):
    _, _, groups, _ = two
    outside = lab.group(("tcp", 80, "10.0.0.0/8"))
    closed = lab.balancer(SecurityGroups=[outside])
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "in", "ContentType": "text/plain"}}
    closed.listener(action=fixed)
    assert closed.curl("/").returncode != 0
    lab.ec2.authorize_security_group_ingress(
        GroupId=outside, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}])
    until(lambda: closed.curl("/").stdout == "in", "the rule is in effect", 5)


@pytest.mark.slow
def test_the_group_of_the_target_sees_the_balancer(lab):
    """A task that lets in nobody but the load balancer's group, as everyone sets it up on AWS."""
    front = lab.group(("tcp", 80, "0.0.0.0/0"))
    back = lab.group(("tcp", 80, front))
    balancer, target_group = lab.balancer(SecurityGroups=[front]), lab.target_group()
    balancer.listener(target_group)
    service = lab.service(lab.define(), target_group, count=1, networkConfiguration=lab.network(securityGroups=[back]))
    service.stable()
    lab.healthy(target_group, 1)
    assert "version 1" in balancer.get("/")
    # Without the rule the balancer is as locked out as everyone.
    lab.ec2.revoke_security_group_ingress(GroupId=back, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": front}]}])
    until(lambda: lab.health(target_group) and "healthy" not in lab.health(target_group).values(), "it is out of reach", 60)


def test_sticky_sessions(lab):
    balancer = lab.balancer()
    target_group = lab.target_group(attributes={"stickiness.enabled": "true", "stickiness.type": "lb_cookie"})
    balancer.listener(target_group)
    service = lab.service(lab.define(), target_group, count=3)
    service.stable()
    lab.healthy(target_group, 3)
    jar = str(lab.folder / "sticky")
    page = balancer.get("/", "-c", jar)
    assert {balancer.get("/", "-b", jar) for _ in range(15)} == {page}
    assert len({balancer.get("/") for _ in range(15)}) == 3


def test_tasks_in_the_vpc_reach_it_by_its_name(lab, two):
    balancer, *_ = two
    script = f"wget -q -O - http://{balancer.host}/"
    definition = lab.define(command=["/bin/busybox", "sh", "-c", script], essential=True)
    task = lab.ecs.run_task(taskDefinition=definition, launchType="FARGATE", networkConfiguration=lab.network())["tasks"][0]
    task_id = task["taskArn"].rsplit("/", 1)[1]

    def lines():
        try:
            events = lab.logs.get_log_events(logGroupName="/tests/services", logStreamName=f"web/web/{task_id}")["events"]
        except lab.logs.exceptions.ResourceNotFoundException:
            return None
        return [event["message"] for event in events]

    assert until(lines, "it has an answer")[0].startswith("version 1")


def test_access_logs_are_written_to_the_bucket(lab, two):
    balancer, *_ = two
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="access-logs")
    lab.elb.modify_load_balancer_attributes(LoadBalancerArn=balancer.arn, Attributes=[
        {"Key": "access_logs.s3.enabled", "Value": "true"}, {"Key": "access_logs.s3.bucket", "Value": "access-logs"},
        {"Key": "access_logs.s3.prefix", "Value": "web"}])
    keys = until(lambda: [one["Key"] for one in s3.list_objects_v2(Bucket="access-logs").get("Contents", [])], "the test object")
    assert keys == ["web/AWSLogs/000000000000/ELBAccessLogTestFile"]


def test_what_happens_is_counted(server, two):
    balancer, *_ = two
    path = balancer.arn.split("loadbalancer/")[1]
    for _ in range(3):
        balancer.get("/")

    def counted() -> bool:
        with urllib.request.urlopen(f"{server.endpoint}/_neargate/metrics", timeout=5) as response:
            text = response.read().decode()
        return any("RequestCount" in line.replace("_", "") or "request_count" in line for line in text.splitlines() if path in line)

    until(counted, "requests of the load balancer among the metrics", 15)
