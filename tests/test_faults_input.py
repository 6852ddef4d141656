"""Bad input on the wire: the answer says what is wrong, and nobody else notices."""

import concurrent.futures
import hashlib
import http.client
import json
import socket
import time
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
from botocore.config import Config


BODY_BYTES_MAX = 30 * 1024 * 1024
CONNECTIONS = 1000
JSON = "application/x-amz-json-1.1"


def address(server) -> tuple[str, int]:
    return "127.0.0.1", server.port


def signed(server, service: str, body: bytes, headers: dict, path: str = "/") -> dict:
    """The headers of a request that root signs, whatever its body is."""
    variables = server.environment()
    credentials = botocore.credentials.Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    url = f"http://127.0.0.1:{server.port}{path}"
    request = botocore.awsrequest.AWSRequest("POST", url, headers=headers, data=body)
    botocore.auth.SigV4Auth(credentials, service, server.region).add_auth(request)
    return dict(request.headers.items())


def post(server, service: str, body: bytes, headers: dict, path: str = "/") -> tuple[int, bytes, dict]:
    connection = http.client.HTTPConnection(*address(server), timeout=10)
    connection.request("POST", path, body, signed(server, service, body, headers, path))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, {name.lower(): value for name, value in answer.headers.items()}


MALFORMED_JSON = [
    b"", b"{", b"[]", b"null", b'"x"', b"{\"cluster\": }", b"\xff\xfe", b"{}{}", b"[" * 100_000, b'{"a":' * 50_000,
    b'{"tasks": "not a list"}', b'{"tasks": [1]}', b'{"tasks": {"a": "b"}}',
]


@pytest.mark.parametrize("body", MALFORMED_JSON, ids=lambda body: repr(body[:20]))
def test_malformed_json(server, body):
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.DescribeTasks", "Content-Type": JSON}
    status, content, headers = post(server, "ecs", body, target)
    assert status == 400, content
    answer = json.loads(content)
    assert answer["__type"].split("#")[-1] in (
        "SerializationException", "InvalidParameterException", "ClientException"), answer
    assert headers.get("x-amzn-requestid")


@pytest.mark.parametrize("body", [
    b"", b"Action=", b"Action=DescribeVpcs&Version=1999-01-01", b"Version=2016-11-15", b"%ff%fe", b"&&&===",
    b"Action=DescribeVpcs&Version=2016-11-15&MaxResults=many",
    b"Action=DescribeVpcs&Version=2016-11-15&Filter.99999999999999999999.Name=x",
    b"Action=DescribeVpcs&Version=2016-11-15&" + b"a=b&" * 100_000,
    b"Action=NoSuchThing&Version=2016-11-15",
], ids=lambda body: repr(body[:60]))
def test_malformed_queries(server, body):
    status, content, _ = post(server, "ec2", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert status < 500 or status == 501, content
    if status != 200:
        assert b"<Code>" in content or b"__type" in content, content
    server.health()


def test_unknown_services_and_operations(server):
    status, content, _ = post(server, "quantum", b"{}", {"X-Amz-Target": "Quantum.Leap", "Content-Type": JSON})
    assert status == 501 and b"quantum" in content.lower()
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.NoSuchOperation", "Content-Type": JSON}
    status, content, _ = post(server, "ecs", b"{}", target)
    assert status == 400 and json.loads(content)["__type"].endswith("UnknownOperationException"), content


def test_a_body_over_the_limit(server):
    """Told before it is read when its length is given, and when the limit is reached when it isn't."""
    for chunked in (False, True):
        connection = http.client.HTTPConnection(*address(server), timeout=20)
        connection.putrequest("POST", "/")
        connection.putheader("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListTasks")
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(BODY_BYTES_MAX + 1))
        connection.endheaders()
        part = b"x" * (1024 * 1024)
        sent = 0
        try:
            while sent <= BODY_BYTES_MAX:
                connection.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                sent += len(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = connection.getresponse()
            assert answer.status == 413, answer.read()
            assert b"RequestEntityTooLarge" in answer.read()
        except ConnectionResetError:
            # The answer was lost to the bytes that were still on their way: fine when nothing was read.
            assert not chunked
        connection.close()
    server.health()


def test_a_layer_of_the_largest_size_is_no_problem(server):
    """Just below the limit a body is read and judged by what it says."""
    body = json.dumps({"cluster": "x" * (BODY_BYTES_MAX - 100)}).encode()
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListTasks", "Content-Type": JSON}
    status, content, _ = post(server, "ecs", body, target)
    assert status == 400 and b"__type" in content


GARBAGE = [
    b"\x00" * 1000, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\r\n" * 1000, b"SSH-2.0-OpenSSH_9.2\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
    b"\x16\x03\x01\x02\x00" + b"\x01" * 512,
    b"GET /_neargate/health HTTP/1.1\r\nHost: a\r\n\r\n" * 50 + b"garbage\r\n\r\n",
    b"GET /_neargate/health HTTP/1.1\r\nHost: " + b"evil.example" + b"\r\nConnection: close\r\n\r\n",
]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_ends_its_connection_alone(server, number):
    with socket.create_connection(address(server), timeout=10) as connection:
        try:
            connection.sendall(GARBAGE[number])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass
    assert server.health()


def test_smuggled_requests_are_not_answered(server):
    """A body that is a request of its own must not be taken for one."""
    inner = b"GET /_neargate/health HTTP/1.1\r\nHost: a\r\n\r\n"
    outer = (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % len(inner)
    ) + inner
    with socket.create_connection(address(server), timeout=5) as connection:
        connection.sendall(outer)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.count(b'"ready"') == 0, answer


def test_a_thousand_connections(server, client):
    """Idle ones cost nobody anything: requests are served beside them, and on each of them."""
    held = [socket.create_connection(address(server), timeout=10) for _ in range(CONNECTIONS)]
    try:
        begun = time.monotonic()
        assert client("ecs").list_clusters()["clusterArns"]
        assert time.monotonic() - begun < 2
        for connection in held:
            connection.sendall(b"GET /_neargate/health HTTP/1.1\r\nHost: a\r\n\r\n")
        for connection in held:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for connection in held:
            connection.close()


def test_trickling_clients_keep_nobody_waiting(server, client):
    """Headers and bodies that come byte by byte, from many at once, beside ordinary requests."""
    heads = [socket.create_connection(address(server), timeout=10) for _ in range(50)]
    bodies = [socket.create_connection(address(server), timeout=10) for _ in range(50)]
    try:
        for connection in bodies:
            # The largest length that is allowed: what a client announces must not be held for it.
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES_MAX)
        for letter in b"POST / HTTP/1.1\r\n":
            for connection in heads:
                connection.sendall(bytes([letter]))
            for connection in bodies:
                connection.sendall(b"x")
        times = []
        for _ in range(20):
            begun = time.monotonic()
            client("ecs").list_clusters()
            times.append(time.monotonic() - begun)
        assert max(times) < 2, times
    finally:
        for connection in heads + bodies:
            connection.close()


def test_presigned_requests(server):
    sts = server.client("sts")
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")

    with urllib.request.urlopen(url, timeout=5) as answer:
        assert b":root" in answer.read()
    for spoilt in (url.replace("X-Amz-Signature=", "X-Amz-Signature=0"), url + "&Extra=1"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(spoilt, timeout=5)
        assert refused.value.code == 403


def test_wrong_hosts_and_keys(server):
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters", "Content-Type": JSON}
    headers = signed(server, "ecs", b"{}", target)
    connection = http.client.HTTPConnection(*address(server), timeout=10)
    connection.request("POST", "/", b"{}", {**headers, "Host": "evil.example"})
    answer = connection.getresponse()
    assert answer.status in (400, 403) and b"InvalidSignatureException" in answer.read()
    # The connection survives the refusal.
    connection.request("POST", "/", b"{}", headers)
    assert connection.getresponse().read().startswith(b'{"clusterArns"')
    connection.request("POST", "/", b'{"maxResults":1}', headers)
    answer = connection.getresponse()
    assert answer.status in (400, 403), "a body that wasn't signed"
    connection.close()


def test_hundreds_of_clients_at_once(server):
    variables = server.environment()
    ecs = boto3.client(
        "ecs", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(max_pool_connections=100, retries={"max_attempts": 1}),
    )
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        names = [f"many-{number}" for number in range(300)]
        list(pool.map(lambda name: ecs.create_cluster(clusterName=name), names))
        found = {arn.rsplit("/", 1)[1] for page in ecs.get_paginator("list_clusters").paginate()
                 for arn in page["clusterArns"]}
        assert set(names) <= found
        list(pool.map(lambda name: ecs.delete_cluster(cluster=name), names))
