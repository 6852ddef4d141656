"""The README's walkthrough, command by command, with the stock AWS CLI and then with boto3."""

import json
import shutil
import subprocess
import threading
import time
import urllib.request

import pytest

import images
from conftest import make_role, registry_password
from waiting import task_status, until

SERVE = (
    "echo serving; wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task > /www/metadata; "
    "exec httpd -f -p 80 -h /www"
)


def definition(image: str, role: str, group: str, region: str) -> dict:
    return {
        "family": "hello",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": role,
        "containerDefinitions": [
            {
                "name": "web",
                "image": image,
                "command": ["sh", "-c", SERVE],
                "stopTimeout": 2,
                "portMappings": [{"containerPort": 80}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": group,
                        "awslogs-region": region,
                        "awslogs-stream-prefix": "web",
                        "awslogs-create-group": "true",
                    },
                },
            }
        ],
    }


def task_address(task: dict) -> str:
    (attachment,) = task["attachments"]
    details = {one["name"]: one["value"] for one in attachment["details"]}
    return details["privateIPv4Address"]


def get(address: str, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as response:
        return response.read().decode()


@pytest.mark.slow
def test_the_twelve_commands_of_the_readme(server, network, busybox_archive, tmp_path):
    """Every command as a user types it: `aws` from PyPI, skopeo, curl."""

    def aws(*words: str) -> str:
        return server.aws(*words, "--output", "text").stdout.strip()

    options = network["awsvpcConfiguration"]
    region = server.environment()["AWS_REGION"]
    # 1: who am I
    assert aws("sts", "get-caller-identity", "--query", "Arn").endswith(":root")
    # 2, 3: a repository, and an image in it
    uri = aws("ecr", "create-repository", "--repository-name", "hello", "--query", "repository.repositoryUri")
    password = aws("ecr", "get-login-password")
    images.skopeo_copy(f"oci-archive:{busybox_archive}", f"docker://{uri}:v1", password)
    # 4: a role for the task's image and logs
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        }],
    }))
    role = aws("iam", "create-role", "--role-name", "hello", "--assume-role-policy-document", f"file://{trust}",
               "--query", "Role.Arn")
    aws("iam", "attach-role-policy", "--role-name", "hello", "--policy-arn",
        "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
    # 5: register
    file = tmp_path / "task.json"
    file.write_text(json.dumps(definition(f"{uri}:v1", role, "/hello", region)))
    registered = aws("ecs", "register-task-definition", "--cli-input-json", f"file://{file}",
                     "--query", "taskDefinition.taskDefinitionArn")
    assert registered.endswith(":task-definition/hello:1")
    # 6: run
    configuration = "awsvpcConfiguration={{subnets=[{}],securityGroups=[{}],assignPublicIp=ENABLED}}".format(
        options["subnets"][0], options["securityGroups"][0])
    task = aws("ecs", "run-task", "--task-definition", "hello", "--launch-type", "FARGATE",
               "--network-configuration", configuration, "--query", "tasks[0].taskArn")
    # 7: wait, describe
    aws("ecs", "wait", "tasks-running", "--tasks", task)
    described = json.loads(server.aws("ecs", "describe-tasks", "--tasks", task).stdout)["tasks"][0]
    assert described["lastStatus"] == "RUNNING"
    address = task_address(described)
    # 8: its logs
    lines = until(lambda: aws("logs", "filter-log-events", "--log-group-name", "/hello",
                              "--query", "events[].message"), "a log line")
    assert "serving" in lines
    # 9: curl
    page = subprocess.run(["curl", "-fsS", "--max-time", "5", f"http://{address}/"], capture_output=True, text=True)
    assert page.stdout == "hello from neargate\n", page.stderr
    # 10: the metadata that the task saw
    metadata = json.loads(until(lambda: get(address, "/metadata"), "metadata"))
    assert metadata["TaskARN"] == task
    assert metadata["Family"] == "hello"
    # 11, 12: stop, and what it says afterwards
    aws("ecs", "stop-task", "--task", task, "--reason", "enough")
    aws("ecs", "wait", "tasks-stopped", "--tasks", task)
    stopped = json.loads(server.aws("ecs", "describe-tasks", "--tasks", task).stdout)["tasks"][0]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")


def test_the_walkthrough_with_boto3(server, client, network, busybox, execution_role):
    ecs, logs = client("ecs"), client("logs")
    region = server.environment()["AWS_REGION"]
    family = ecs.register_task_definition(
        **{**definition(busybox, execution_role, "/hello-boto3", region), "family": "hello-boto3"}
    )["taskDefinition"]
    run = ecs.run_task(taskDefinition=family["taskDefinitionArn"], launchType="FARGATE", networkConfiguration=network)
    assert run["failures"] == []
    (task,) = run["tasks"]
    assert task["lastStatus"] == "PROVISIONING"
    running = task_status(ecs, task["taskArn"], "RUNNING")
    assert until(lambda: _page(task_address(running)), "the page") == "hello from neargate\n"
    task_id = task["taskArn"].rsplit("/", 1)[1]
    events = until(
        lambda: logs.get_log_events(logGroupName="/hello-boto3", logStreamName=f"web/web/{task_id}")["events"], "events"
    )
    assert [event["message"] for event in events] == ["serving"]
    ecs.stop_task(task=task["taskArn"])
    stopped = task_status(ecs, task["taskArn"], "STOPPED", seconds=60)
    assert stopped["stopCode"] == "UserInitiated"
    assert stopped["containers"][0]["exitCode"] is not None


def _page(address: str) -> str | None:
    try:
        return get(address)
    except OSError:
        return None


@pytest.mark.skipif(not shutil.which("aws", path="/usr/bin"), reason="Debian's AWS CLI v2 is not installed")
def test_the_cli_of_debian_needs_the_endpoint(server):
    environment = server.shell()
    command = ["/usr/bin/aws", "--endpoint-url", server.endpoint, "sts", "get-caller-identity", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Arn"].endswith(":root")


@pytest.mark.skipif(not shutil.which("aws", path="/usr/bin"), reason="Debian's AWS CLI v2 is not installed")
def test_the_cli_tails_logs_as_they_are_written(server, client):
    """`aws logs tail --follow`, which only version 2 has."""
    logs = client("logs")
    logs.create_log_group(logGroupName="/tailed")
    logs.create_log_stream(logGroupName="/tailed", logStreamName="stream")

    def put(message: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": message}
        logs.put_log_events(logGroupName="/tailed", logStreamName="stream", logEvents=[event])

    put("before")
    endpoint = ["/usr/bin/aws", "--endpoint-url", server.endpoint]
    command = [*endpoint, "logs", "tail", "/tailed", "--follow", "--since", "1h", "--format", "short"]
    environment = {**server.shell(), "PYTHONUNBUFFERED": "1"}
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    # A line that never comes ends the reading, too.
    limit = threading.Timer(30, tail.kill)
    limit.start()
    try:
        assert tail.stdout.readline().endswith("before\n")
        put("after")
        assert tail.stdout.readline().endswith("after\n")
    finally:
        limit.cancel()
        tail.kill()
        tail.wait()
        tail.stdout.close()


def test_a_task_has_the_credentials_of_its_role(server, client, network, busybox, execution_role):
    """The task's own credentials, read from inside, are those of the role's session named after the task."""
    ecs = client("ecs")
    role = make_role(client("iam"), "tests-task-role")
    script = (
        "wget -q -O - http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI > /www/credentials; "
        "exec httpd -f -p 80 -h /www"
    )
    family = ecs.register_task_definition(
        family="credentials", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        executionRoleArn=execution_role, taskRoleArn=role,
        containerDefinitions=[{"name": "web", "image": busybox, "command": ["sh", "-c", script], "stopTimeout": 2}],
    )["taskDefinition"]["taskDefinitionArn"]
    (task,) = ecs.run_task(taskDefinition=family, launchType="FARGATE", networkConfiguration=network)["tasks"]
    running = task_status(ecs, task["taskArn"], "RUNNING")
    address = task_address(running)
    credentials = json.loads(until(lambda: _get_or_none(address, "/credentials"), "credentials"))
    assert list(credentials) == ["RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"]
    sts = server.client(
        "sts",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["Token"],
    )
    task_id = task["taskArn"].rsplit("/", 1)[1]
    assert sts.get_caller_identity()["Arn"].endswith(f":assumed-role/tests-task-role/{task_id}")
    ecs.stop_task(task=task["taskArn"])
    task_status(ecs, task["taskArn"], "STOPPED", seconds=60)


def _get_or_none(address: str, path: str) -> str | None:
    try:
        return get(address, path)
    except OSError:
        return None


def test_a_password_opens_the_registry(client):
    assert len(registry_password(client("ecr"))) > 40
