"""What comes before any handler: signatures, routing, malformed requests, any credentials."""

import datetime
import http.client
import json
import urllib.parse
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ECS_TARGET = "AmazonEC2ContainerServiceV20141113"


@pytest.fixture(scope="module")
def root(server) -> Credentials:
    variables = server.environment()
    return Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])


def send(server, request: AWSRequest) -> tuple[int, dict, bytes]:
    prepared = request.prepare()
    address = urllib.parse.urlsplit(prepared.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    try:
        path = address.path + (f"?{address.query}" if address.query else "")
        connection.request(prepared.method, path or "/", body=prepared.body, headers=dict(prepared.headers))
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.headers.items()}, response.read()
    finally:
        connection.close()


def ecs_request(server, operation: str, body: bytes = b"{}") -> AWSRequest:
    headers = {"X-Amz-Target": f"{ECS_TARGET}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    return AWSRequest("POST", f"{server.endpoint}/", data=body, headers=headers)


def signed(request: AWSRequest, credentials: Credentials, service: str = "ecs", region: str = "us-east-1") -> AWSRequest:
    SigV4Auth(credentials, service, region).add_auth(request)
    return request


def error_code(body: bytes) -> str:
    return json.loads(body)["__type"].rsplit("#", 1)[-1]


def test_a_signed_request_is_answered(server, root):
    status, headers, body = send(server, signed(ecs_request(server, "ListClusters"), root))
    assert status == 200
    assert json.loads(body)["clusterArns"]
    assert len(headers["x-amzn-requestid"]) == 36


def test_an_unsigned_request_is_refused(server):
    status, _, body = send(server, ecs_request(server, "ListClusters"))
    assert (status, error_code(body)) == (400, "MissingAuthenticationTokenException")


def test_a_wrong_secret_is_refused(server, root):
    wrong = Credentials(root.access_key, "x" * 40)
    status, _, body = send(server, signed(ecs_request(server, "ListClusters"), wrong))
    assert (status, error_code(body)) == (400, "InvalidSignatureException")
    assert "does not match" in json.loads(body)["message"]


def test_an_unknown_key_is_refused(server):
    unknown = Credentials("AKIAAAAAAAAAAAAAAAAA", "x" * 40)
    status, _, body = send(server, signed(ecs_request(server, "ListClusters"), unknown))
    assert (status, error_code(body)) == (400, "UnrecognizedClientException")
    assert json.loads(body)["message"] == "The security token included in the request is invalid."


def test_a_changed_body_is_refused(server, root):
    request = signed(ecs_request(server, "ListClusters"), root)
    request.data = b'{"maxResults": 1}'
    status, _, body = send(server, request)
    assert (status, error_code(body)) == (400, "InvalidSignatureException")


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_clock_that_is_off_is_refused(server, root, minutes, monkeypatch):
    moved = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    request = ecs_request(server, "ListClusters")
    signer = SigV4Auth(root, "ecs", "us-east-1")
    import botocore.auth

    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: moved.replace(tzinfo=None), raising=False)
    signer.add_auth(request)
    if request.headers["X-Amz-Date"] != moved.strftime("%Y%m%dT%H%M%SZ"):
        pytest.skip("this botocore takes its time elsewhere")
    status, _, body = send(server, request)
    assert (status, error_code(body)) == (400, "InvalidSignatureException")


def test_an_unknown_operation_is_told(server, root):
    status, _, body = send(server, signed(ecs_request(server, "Frobnicate"), root))
    assert (status, error_code(body)) == (400, "UnknownOperationException")


def test_an_operation_that_is_not_served_says_so(client):
    with pytest.raises(ClientError) as refusal:
        client("ecs").list_services_by_namespace(namespace="x")
    error = refusal.value.response["Error"]
    assert "not implemented" in error["Message"].lower() or "not supported" in error["Message"].lower(), error


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"{} x", b'{"maxResults": "many"}', b"\xff\xfe", b"[" * 5000])
def test_malformed_json_is_refused(server, root, body):
    status, _, answer = send(server, signed(ecs_request(server, "ListClusters", body), root))
    assert status == 400
    assert error_code(answer) == "SerializationException"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"Action=GetCallerIdentity&Version=2011-06-15", 200),
        (b"Action=Frobnicate&Version=2011-06-15", 400),
        (b"", 400),
        (b"%zz", 400),
        (b"Action", 400),
    ],
)
def test_query_requests(server, root, body, status):
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", f"{server.endpoint}/", data=body, headers=headers)
    answered, headers, answer = send(server, signed(request, root, "sts"))
    assert answered == status, answer
    assert b"RequestId" in answer


def test_an_oversized_body_is_refused(server, root):
    request = signed(ecs_request(server, "ListClusters", b" " * (64 << 20)), root)
    try:
        status, _, _ = send(server, request)
    except (BrokenPipeError, ConnectionResetError):
        return
    assert status in (400, 413)


def test_a_body_that_never_comes_does_not_hold_the_server(server, root):
    request = signed(ecs_request(server, "ListClusters"), root).prepare()
    address = urllib.parse.urlsplit(request.url)
    idle = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    idle.putrequest("POST", "/")
    idle.putheader("Content-Length", "1000000")
    idle.endheaders()
    assert server.health()
    idle.close()


def test_every_region_a_client_names_works(client):
    ec2 = client("ec2", "eu-west-3")
    zones = {subnet["AvailabilityZone"] for subnet in ec2.describe_subnets()["Subnets"]}
    assert zones == {"eu-west-3a", "eu-west-3b", "eu-west-3c"}
    clusters = client("ecs", "eu-west-3").list_clusters()["clusterArns"]
    assert clusters == ["arn:aws:ecs:eu-west-3:000000000000:cluster/default"]


def test_any_credentials_are_the_root_of_their_account(open_server):
    for access_key, account in [("test", "000000000000"), ("123456789012", "123456789012")]:
        sts = open_server.client("sts", aws_access_key_id=access_key, aws_secret_access_key="test")
        assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"


def test_reset_forgets_everything(open_server):
    iam = open_server.client("iam", aws_access_key_id="test", aws_secret_access_key="test")
    iam.create_user(UserName="forgotten")
    request = urllib.request.Request(f"{open_server.endpoint}/_neargate/reset", method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
    assert iam.list_users()["Users"] == []
    assert iam.get_role(RoleName="AWSServiceRoleForECS")
    ecs = open_server.client("ecs", aws_access_key_id="test", aws_secret_access_key="test")
    assert len(ecs.list_clusters()["clusterArns"]) == 1


def test_reset_is_for_any_credentials_alone(server):
    request = urllib.request.Request(f"{server.endpoint}/_neargate/reset", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=10)
    assert refusal.value.code in (403, 404, 409)


def test_any_credentials_need_a_loopback_address(tmp_path):
    import subprocess

    from neargate_server import binary

    command = [binary(), "up", "--data-dir", tmp_path / "data", "--listen", "0.0.0.0:0", "--any-credentials"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert "loopback" in done.stdout + done.stderr


def test_health_and_metrics(server):
    assert json.loads(server.health())
    with urllib.request.urlopen(f"{server.endpoint}/_neargate/metrics", timeout=5) as response:
        assert b"# TYPE" in response.read()
