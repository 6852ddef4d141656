"""Faults of the program's surroundings: ports, folders, second servers, resets."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import take_down
from fault_lab import COUNT_SLOWLY, counted_once, describe, log_lines, own_lab, run_many, statuses
from host_state import host_state, instance_name, left_behind
from neargate_server import Server, binary, free_port
from waiting import until

RESET_SECONDS_MAX = 0.25
CONTAINER = {"name": "a", "image": "b", "memory": 128}


def start(*options) -> subprocess.CompletedProcess:
    """Starts a server that is expected to refuse."""
    command = [str(binary()), "up", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def reset(server: Server, path: str = "reset") -> dict:
    request = urllib.request.Request(f"{server.endpoint}/_neargate/{path}", method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_a_second_server_is_told_who_has_the_data_directory(server):
    refused = start("--data-dir", server.data_dir, "--listen", f"127.0.0.1:{free_port()}")
    assert refused.returncode == 1
    assert str(server.process.pid) in refused.stderr, refused.stderr
    assert "ready" not in refused.stdout


def test_everyone_on_every_address_is_refused(tmp_path):
    for address in ("0.0.0.0", "[::]", "192.0.2.1"):
        refused = start("--data-dir", tmp_path / "data", "--listen", f"{address}:{free_port()}", "--any-credentials")
        assert refused.returncode == 1
        assert "--any-credentials" in refused.stderr and "loopback" in refused.stderr
        assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("place", ["/proc/neargate", "/dev/null/data", "/sys/neargate"])
def test_a_data_directory_that_can_not_be_made(place):
    refused = start("--data-dir", place, "--listen", f"127.0.0.1:{free_port()}")
    assert refused.returncode == 1
    assert place in refused.stderr, refused.stderr
    assert "panicked" not in refused.stderr


def test_a_data_directory_that_is_read_only(tmp_path):
    place = tmp_path / "frozen"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "none", place], check=True)
    try:
        refused = start("--data-dir", place / "data", "--listen", f"127.0.0.1:{free_port()}")
    finally:
        subprocess.run(["umount", place], check=True)
    assert refused.returncode == 1
    assert "Read-only file system" in refused.stderr and str(place) in refused.stderr, refused.stderr


@pytest.mark.parametrize("option, words", [
    (("--listen", "nowhere"), "--listen"), (("--account", "12"), "twelve digits"), (("--region", "../x"), "region"),
    (("--listen", "203.0.113.7:4566"), "203.0.113.7"),
])
def test_options_that_make_no_sense(tmp_path, option, words):
    refused = start("--data-dir", tmp_path / "data", *option)
    assert refused.returncode != 0
    assert words in refused.stderr, refused.stderr


def test_damaged_keys_are_told(make_server):
    server = make_server()
    server.terminate()
    key = server.data_dir / "keys" / "master.key"
    content = key.read_bytes()
    key.write_bytes(content[:7])
    refused = start("--data-dir", server.data_dir, "--listen", f"127.0.0.1:{server.port}")
    assert refused.returncode == 1 and "master.key" in refused.stderr
    key.write_bytes(content)
    server.up()


def test_two_instances_side_by_side(make_server, tmp_path):
    """Each with its own tasks, the same addresses, and its own down."""
    before = host_state()
    servers = [make_server() for _ in range(2)]
    labs = [own_lab(server, tmp_path / str(number)) for number, server in enumerate(servers)]
    tasks = [run_many(lab, lab.define(lab.container(COUNT_SLOWLY)), 3) for lab in labs]
    for lab, arns in zip(labs, tasks):
        until(lambda: set(statuses(lab, arns)) == {"RUNNING"}, "all run")
    servers[0].down()
    assert left_behind(before, host_state(), servers[0].data_dir) == {}
    far = counted_once(log_lines(labs[1], tasks[1][0]))
    assert set(statuses(labs[1], tasks[1])) == {"RUNNING"}
    until(lambda: counted_once(log_lines(labs[1], tasks[1][0])) > far, "the other goes on")
    assert take_down(servers[1], before) == []


def test_resets_are_not_for_everyone(server):
    with pytest.raises(urllib.error.HTTPError) as refused:
        reset(server)
    assert refused.value.code == 403
    assert b"--any-credentials" in refused.value.read()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{server.endpoint}/_neargate/reset", timeout=5)


def fill(server: Server) -> None:
    """Something in every store."""
    server.client("ecs").create_cluster(clusterName="gone")
    server.client("ecs").register_task_definition(family="gone", containerDefinitions=[CONTAINER])
    iam = server.client("iam")
    iam.create_user(UserName="gone")
    iam.create_access_key(UserName="gone")
    logs = server.client("logs")
    logs.create_log_group(logGroupName="/gone")
    logs.create_log_stream(logGroupName="/gone", logStreamName="a")
    event = {"timestamp": int(time.time() * 1000), "message": "gone"}
    logs.put_log_events(logGroupName="/gone", logStreamName="a", logEvents=[event])
    server.client("ecr").create_repository(repositoryName="gone")
    server.client("ecs", "eu-west-3").create_cluster(clusterName="gone")
    ec2 = server.client("ec2")
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    ec2.create_security_group(GroupName="gone", Description="gone", VpcId=vpc["VpcId"])


def own_hosts(data_dir: Path) -> str:
    """What the installation has in /etc/hosts; others have their own blocks there."""
    name = instance_name(data_dir)
    own = re.search(f"# begin neargate {name}.*?# end neargate {name}", Path("/etc/hosts").read_text(), re.DOTALL)
    assert own, "the installation's names"
    return own.group()


def test_a_reset_leaves_the_defaults_alone(open_server):
    for _ in range(3):
        fill(open_server)
        begun = time.monotonic()
        assert reset(open_server) == {"status": "reset"}
        assert time.monotonic() - begun < RESET_SECONDS_MAX
        ecs = open_server.client("ecs")
        assert [arn.rsplit("/", 1)[1] for arn in ecs.list_clusters()["clusterArns"]] == ["default"]
        assert ecs.list_task_definitions()["taskDefinitionArns"] == []
        assert open_server.client("iam").list_users()["Users"] == []
        assert open_server.client("logs").describe_log_groups()["logGroups"] == []
        assert open_server.client("ecr").describe_repositories()["repositories"] == []
        assert open_server.client("sts").get_caller_identity()["Arn"].endswith(":root")
        (vpc,) = open_server.client("ec2").describe_vpcs()["Vpcs"]
        assert vpc["IsDefault"] and vpc["CidrBlock"] == "172.31.0.0/16"
        groups = open_server.client("ec2").describe_security_groups()["SecurityGroups"]
        assert [group["GroupName"] for group in groups] == ["default"]
        assert len(open_server.client("ec2").describe_subnets()["Subnets"]) == 3
    revision = open_server.client("ecs").register_task_definition(
        family="gone", containerDefinitions=[CONTAINER]
    )["taskDefinition"]["revision"]
    assert revision == 1
    assert "eu-west-3" not in own_hosts(open_server.data_dir)


def test_the_root_key_survives_a_reset_and_a_restart(make_server):
    server = make_server("--any-credentials")
    before = server.environment()
    reset(server)
    server.terminate()
    server.options = ()
    server.up()
    assert server.environment() == before
    assert server.client("sts").get_caller_identity()["Arn"].endswith(":root")
    other = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x" * 40}
    with pytest.raises(Exception, match="InvalidClientTokenId|UnrecognizedClient"):
        server.client("sts", **other).get_caller_identity()


@pytest.mark.slow
def test_a_reset_stops_what_runs(open_server, tmp_path):
    reset(open_server)
    for attempt in range(2):
        lab = own_lab(open_server, tmp_path / str(attempt))
        tasks = run_many(lab, lab.define(lab.container(f"trap 'exit 0' TERM; {COUNT_SLOWLY}")), 10)
        until(lambda: statuses(lab, tasks).count("RUNNING") > 3, "some run")
        assert reset(open_server) == {"status": "reset"}
        assert lab.ecs.list_tasks()["taskArns"] == []
        assert len(lab.ecs.describe_tasks(tasks=tasks)["failures"]) == len(tasks)
        until(lambda: task_traces(open_server, tasks) == [], "nothing of the tasks is left")


def task_traces(server: Server, tasks: list[str]) -> list[str]:
    names = [arn.rsplit("/", 1)[1] for arn in tasks]
    folders = os.listdir(server.data_dir / "node" / "tasks")
    state = host_state()
    processes = state["processes"] | state["cgroups"] | state["network namespaces"]
    return [name for name in names if name in folders or any(name in line for line in processes)]


def test_terminate_leaves_tasks_and_up_adopts_them(make_server, tmp_path):
    server = make_server()
    lab = own_lab(server, tmp_path / "lab")
    tasks = run_many(lab, lab.define(lab.container(COUNT_SLOWLY)), 5)
    until(lambda: set(statuses(lab, tasks)) == {"RUNNING"}, "all run")
    began = {arn: task["startedAt"] for arn, task in describe(lab, tasks).items()}
    for _ in range(3):
        begun = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - begun < 5
        server.up()
        assert {arn: task["startedAt"] for arn, task in describe(lab, tasks).items()} == began
        assert set(statuses(lab, tasks)) == {"RUNNING"}
    for arn in tasks:
        far = counted_once(log_lines(lab, arn))
        until(lambda: counted_once(log_lines(lab, arn)) > far, "it counts on")
    server.down()
    # A second down has nothing to do, and says so by succeeding.
    server.down()
    server.up()
    until(lambda: set(statuses(lab, tasks)) == {"STOPPED"}, "what down stopped is told as stopped")
