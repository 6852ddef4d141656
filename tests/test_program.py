"""The contract of the program itself: up, env, down, signals, and a host that is as it was."""

import json
import os
import stat
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import push
from host_state import host_state, left_behind, processes_of
from neargate_server import Server, binary
from waiting import task_status, until


@pytest.fixture
def own_server(make_server) -> Server:
    """A server that the test may stop and start."""
    return make_server()


def test_the_first_line_says_ready(server):
    assert server.ready_line == f"ready http://127.0.0.1:{server.port}"


def test_env_is_a_script_of_the_shell(server):
    script = f'eval "$({binary()} env --data-dir {server.data_dir})"; env'
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        assert f"{name}=" in shown


def test_secrets_are_for_root_alone(server):
    for path in [server.data_dir, *(server.data_dir / "keys").rglob("*")]:
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path


def test_a_data_directory_has_one_server(server):
    command = [binary(), "up", "--data-dir", server.data_dir, "--listen", "127.0.0.1:0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode != 0
    assert server.health()


def test_a_port_in_use_is_told(server, tmp_path):
    listen = f"127.0.0.1:{server.port}"
    command = [binary(), "up", "--data-dir", tmp_path / "data", "--listen", listen]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode != 0
    assert str(server.port) in second.stderr


def test_env_before_the_first_start_says_what_to_do(tmp_path):
    done = subprocess.run([binary(), "env", "--data-dir", tmp_path / "none"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "neargate up" in done.stderr


def test_down_without_anything_is_fine(tmp_path):
    done = subprocess.run([binary(), "down", "--data-dir", tmp_path / "none"], capture_output=True, text=True)
    assert done.returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    done = subprocess.run([binary(), "completion", shell], capture_output=True, text=True, check=True)
    assert "image" in done.stdout


def test_state_survives_every_end_of_the_server(own_server):
    iam = own_server.client("iam")
    iam.create_user(UserName="survivor")
    before = own_server.environment()
    assert own_server.terminate() == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{own_server.port}/_neargate/health", timeout=2)
    own_server.up()
    assert own_server.environment() == before
    own_server.client("iam").get_user(UserName="survivor")
    own_server.client("iam").create_user(UserName="acknowledged")
    own_server.kill()
    own_server.up()
    own_server.client("iam").get_user(UserName="acknowledged")


def run_tasks(server: Server, archive, count: int, command: list[str]) -> list[str]:
    """Starts tasks that stay, and answers with their ARNs."""
    ecs, ec2 = server.client("ecs"), server.client("ec2")
    image = push(server, server.client("ecr"), "stay", archive)
    trust = json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        }],
    })
    role = server.client("iam").create_role(RoleName="stay", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    options = {
        "awslogs-group": "/stay", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "s",
        "awslogs-create-group": "true",
    }
    ecs.register_task_definition(
        family="stay", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        executionRoleArn=role,
        containerDefinitions=[{
            "name": "main", "image": image, "command": command, "stopTimeout": 2,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }],
    )
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    arns = []
    while len(arns) < count:
        answer = ecs.run_task(
            taskDefinition="stay", launchType="FARGATE", networkConfiguration=network, count=min(10, count - len(arns))
        )
        assert answer["failures"] == []
        arns += [task["taskArn"] for task in answer["tasks"]]
    return arns


COUNTING = ["sh", "-c", "trap 'exit 0' TERM; i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done"]


def numbers(server: Server, task: str) -> list[int]:
    """The numbers that the task has counted to, by its log."""
    logs = server.client("logs")
    stream = f"s/main/{task.rsplit('/', 1)[1]}"
    found, token = [], {}
    while True:
        page = logs.get_log_events(logGroupName="/stay", logStreamName=stream, startFromHead=True, **token)
        found += [int(event["message"].split()[1]) for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken"):
            return found
        token = {"nextToken": page["nextForwardToken"]}


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_tasks_outlive_the_server(own_server, busybox_archive, end):
    tasks = run_tasks(own_server, busybox_archive, 3, COUNTING)
    for task in tasks:
        task_status(own_server.client("ecs"), task, "RUNNING")
    until(lambda: len(numbers(own_server, tasks[0])) > 3, "some lines")
    getattr(own_server, end)()
    assert processes_of(own_server.data_dir), "supervisors go on without the server"
    own_server.up()
    ecs = own_server.client("ecs")
    for task in tasks:
        assert task_status(ecs, task, "RUNNING")["lastStatus"] == "RUNNING"
    seen = len(numbers(own_server, tasks[0]))
    counted = until(lambda: (n := numbers(own_server, tasks[0])) and len(n) > seen + 5 and n, "lines after the restart")
    assert counted == list(range(1, len(counted) + 1)), "no line is lost and none comes twice"
    ecs.stop_task(task=tasks[0])
    task_status(ecs, tasks[0], "STOPPED", seconds=60)


def test_down_after_a_kill_leaves_nothing(make_server, busybox_archive):
    before = host_state()
    server = make_server()
    tasks = run_tasks(server, busybox_archive, 3, ["sleep", "1000"])
    for task in tasks:
        task_status(server.client("ecs"), task, "RUNNING")
    server.kill()
    server.down()
    assert left_behind(before, host_state(), server.data_dir) == {}
    server.up()
    ecs = server.client("ecs")
    until(lambda: {task["desiredStatus"] for task in ecs.describe_tasks(tasks=tasks)["tasks"]} == {"STOPPED"}, "all end")


@pytest.mark.slow
def test_a_kill_in_the_middle_of_fifty_tasks_loses_nothing(own_server, busybox_archive):
    """Some tasks are starting, some run and log, some stop, when the server is killed."""
    running = run_tasks(own_server, busybox_archive, 30, COUNTING)
    ecs = own_server.client("ecs")
    for task in running[:10]:
        task_status(ecs, task, "RUNNING", seconds=60)
    for task in running[:5]:
        ecs.stop_task(task=task, reason="in the middle")
    subnet = own_server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    starting = []
    for _ in range(2):
        answer = ecs.run_task(taskDefinition="stay", launchType="FARGATE", networkConfiguration=network, count=10)
        starting += [task["taskArn"] for task in answer["tasks"]]
    own_server.kill()
    own_server.up()
    ecs = own_server.client("ecs")
    for task in running[:5]:
        stopped = task_status(ecs, task, "STOPPED", seconds=90)
        assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "in the middle")
    for task in running[5:] + starting:
        task_status(ecs, task, "RUNNING", seconds=90)
    for task in running[5:10]:
        until(lambda: len(numbers(own_server, task)) > 3, "lines")
        counted = numbers(own_server, task)
        assert counted == list(range(1, len(counted) + 1)), task
