"""Fixtures: a server on a data directory of its own, images, and the host left as it was."""

import base64
import collections
import os
import shutil
from pathlib import Path

import pytest

import images
from host_state import host_state, left_behind
from neargate_server import Server
from service_lab import ServiceLab
from task_lab import AnyRegistry, Lab


def pytest_collection_modifyitems(items):
    # Files with slow tests first: several workers then end at about the same time.
    slow = collections.Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="Neargate runs containers: the tests need root"))


@pytest.fixture(scope="session")
def make_server(tmp_path_factory):
    """Starts servers with options; each is taken down at the end, and must leave nothing."""
    started: list[tuple[Server, dict]] = []

    def make(*options: str, region: str = "us-east-1") -> Server:
        data_dir = tmp_path_factory.mktemp("neargate") / "data"
        before = host_state()
        server = Server(data_dir, *options, region=region)
        started.append((server, before))
        return server.up()

    yield make
    failures = []
    for server, before in reversed(started):
        failures += take_down(server, before)
    assert not failures, "\n".join(failures)


def take_down(server: Server, before: dict) -> list[str]:
    """What `neargate down` failed to do."""
    done = server.run("down", check=False, timeout=60)
    if server.process is not None:
        server._reap()
    failures = [] if done.returncode == 0 else [f"down ended with {done.returncode}: {done.stdout}{done.stderr}"]
    left = left_behind(before, host_state(), server.data_dir)
    return failures + [f"{kind} left behind: {lines}" for kind, lines in left.items()]


@pytest.fixture(scope="session")
def server(make_server) -> Server:
    """The server that most tests share: strict credentials, defaults otherwise."""
    return make_server()


@pytest.fixture(scope="session")
def open_server(make_server) -> Server:
    """A server that takes any credentials, as other test suites use it."""
    return make_server("--any-credentials")


@pytest.fixture(scope="session")
def client(server):
    """A factory of boto3 clients of the shared server, one per service and region."""
    made = {}

    def of(service: str, region: str | None = None, **credentials: str):
        key = (service, region, tuple(sorted(credentials.items())))
        if key not in made:
            made[key] = server.client(service, region, **credentials)
        return made[key]

    return of


@pytest.fixture(scope="session")
def busybox_archive(tmp_path_factory) -> Path:
    """An OCI archive of busybox with a page to serve."""
    path = tmp_path_factory.mktemp("images") / "busybox.oci.tar"
    images.oci_archive(path, [images.busybox_layer({"www/index.html": b"hello from neargate\n"})])
    return path


@pytest.fixture(scope="session")
def busybox(server, client, busybox_archive) -> str:
    """The URI of busybox in the shared server's registry."""
    return push(server, client("ecr"), "busybox", busybox_archive)


def push(server: Server, ecr, name: str, archive: Path, tag: str = "latest") -> str:
    """Makes the repository when it's missing, and pushes the archive."""
    try:
        uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    except ecr.exceptions.RepositoryAlreadyExistsException:
        uri = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryUri"]
    server.run("image", "push", str(archive), f"{uri}:{tag}")
    return f"{uri}:{tag}"


def registry_password(ecr) -> str:
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().removeprefix("AWS:")


@pytest.fixture(scope="session")
def execution_role(client) -> str:
    """The role that a task needs for its image and its logs."""
    return execution_role_of(client)


def execution_role_of(client) -> str:
    policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    return make_role(client("iam"), "tests-execution", policy)


def make_role(iam, name: str, *policy_arns: str) -> str:
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        '"Principal":{"Service":"ecs-tasks.amazonaws.com"}}]}'
    )
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for policy in policy_arns:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    return arn


@pytest.fixture(scope="session")
def subnet(client) -> str:
    """A subnet of the default VPC."""
    return subnet_of(client)


def subnet_of(client) -> str:
    found = client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    return sorted(found, key=lambda one: one["AvailabilityZone"])[0]["SubnetId"]


@pytest.fixture(scope="session")
def network(client) -> dict:
    """A network configuration whose tasks can be reached on every port."""
    return open_network_of(client)


def open_network_of(client) -> dict:
    ec2 = client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="tests-open", Description="open", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    return {"awsvpcConfiguration": {"subnets": [subnet_of(client)], "securityGroups": [group], "assignPublicIp": "ENABLED"}}


@pytest.fixture(scope="session")
def any_registry(tmp_path_factory):
    """A registry beside Neargate's own."""
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    registry = AnyRegistry(tmp_path_factory.mktemp("registry"))
    yield registry
    registry.end()


@pytest.fixture(scope="session")
def shared_lab(server, client, network, execution_role, tmp_path_factory) -> Lab:
    return Lab(client, network, execution_role, pusher(server, client), tmp_path_factory.mktemp("lab"))


def pusher(server: Server, client):
    """Pushes archives into the server's own registry."""
    return lambda name, archive: push(server, client("ecr"), name, archive)


@pytest.fixture
def lab(shared_lab) -> Lab:
    """Runs tasks on the shared server; none outlives its test."""
    yield shared_lab
    shared_lab.clean()


@pytest.fixture(scope="session")
def shared_service_lab(server, client, execution_role, tmp_path_factory) -> ServiceLab:
    return ServiceLab(client, execution_role, pusher(server, client), tmp_path_factory.mktemp("services"))


@pytest.fixture
def services(shared_service_lab) -> ServiceLab:
    """Runs services on the shared server; none outlives its test."""
    yield shared_service_lab
    shared_service_lab.clean()
