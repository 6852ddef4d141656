"""What a task learns from 169.254.170.2, asked from inside."""

import json

import pytest
from botocore.exceptions import ClientError

from conftest import make_role

SERVE = "httpd -p 80 -h /www; trap 'exit 0' TERM; while true; do sleep 0.05; done"


def fetch(lab, scripts: dict[str, str], **fields) -> tuple:
    """Runs commands in a task, and reads what each printed."""
    body = "; ".join(f"echo {name}=$({command})" for name, command in scripts.items())
    # The agent hears of a container's start a moment later than the container itself.
    task = lab.start(lab.container(f"sleep 0.3; {body}"), **fields)
    stopped = task.stopped()
    found = dict(line.split("=", 1) for line in task.lines())
    return task, stopped, found


def get(path: str) -> str:
    return f'wget -q -O - "{path}"'


def test_documents_of_all_versions(lab):
    uri = "$ECS_CONTAINER_METADATA_URI"
    task, stopped, found = fetch(lab, {
        "v4": get(f"{uri}_V4"), "v4task": get(f"{uri}_V4/task"), "v3": get(uri), "v3task": get(f"{uri}/task"),
        "v2": get("http://169.254.170.2/v2/metadata"),
        "v2one": get("http://169.254.170.2/v2/metadata/${ECS_CONTAINER_METADATA_URI##*/}"),
    })
    (container,) = stopped["containers"]
    (attachment,) = stopped["attachments"]
    interface = {one["name"]: one["value"] for one in attachment["details"]}
    one = json.loads(found["v4"])
    assert one["DockerId"] == container["runtimeId"]
    assert (one["Name"], one["Image"], one["ContainerARN"]) == ("app", lab.image, container["containerArn"])
    assert (one["DesiredStatus"], one["KnownStatus"], one["Type"]) == ("RUNNING", "RUNNING", "NORMAL")
    assert one["Limits"] == {"CPU": 2}
    assert one["Labels"]["com.amazonaws.ecs.task-arn"] == task.arn
    assert one["LogOptions"]["awslogs-stream"] == f"lab/app/{task.id}"
    (network,) = one["Networks"]
    assert network["IPv4Addresses"] == [interface["privateIPv4Address"]]
    assert network["MACAddress"] == interface["macAddress"]
    assert network["PrivateDNSName"] == interface["privateDnsName"]
    assert network["DomainNameServers"] == ["172.31.0.2"]
    assert network["SubnetGatewayIpv4Address"].endswith("/20")
    whole = json.loads(found["v4task"])
    assert (whole["TaskARN"], whole["Cluster"]) == (task.arn, stopped["clusterArn"])
    assert (whole["LaunchType"], whole["Revision"], whole["KnownStatus"]) == ("FARGATE", "1", "RUNNING")
    assert whole["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert whole["AvailabilityZone"] == stopped["availabilityZone"]
    assert whole["EphemeralStorageMetrics"]["Reserved"] == 20496
    assert [item["DockerId"] for item in whole["Containers"]] == [container["runtimeId"]]
    assert json.loads(found["v3"])["DockerId"] == json.loads(found["v2one"])["DockerId"] == container["runtimeId"]
    assert json.loads(found["v3task"])["TaskARN"] == json.loads(found["v2"])["TaskARN"] == task.arn
    assert "LaunchType" not in json.loads(found["v3task"])


def test_statistics(lab):
    uri = "$ECS_CONTAINER_METADATA_URI_V4"
    _, stopped, found = fetch(lab, {
        "one": get(f"{uri}/stats"), "all": get(f"{uri}/task/stats"), "v2": get("http://169.254.170.2/v2/stats"),
    })
    (container,) = stopped["containers"]
    one, every = json.loads(found["one"]), json.loads(found["all"])
    assert one["id"] == container["runtimeId"] and list(every) == [container["runtimeId"]]
    assert one["memory_stats"]["usage"] > 0 and one["pids_stats"]["current"] >= 1
    assert one["memory_stats"]["limit"] == 512 << 20
    assert every[container["runtimeId"]]["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    later = every[container["runtimeId"]]["networks"]["eth1"]
    assert later["rx_bytes"] > 0 and later["tx_bytes"] > 0
    assert list(json.loads(found["v2"])) == [container["runtimeId"]]


def test_credentials_are_the_roles_own(lab, server, client):
    """What a task fetches is its role's session, named after the task; without a role there is nothing to fetch."""
    iam = client("iam")
    role = make_role(iam, "tests-inside")
    path = "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    task, _, found = fetch(lab, {"mine": get(path), "again": get(path)}, taskRoleArn=role)
    mine = json.loads(found["mine"])
    assert mine == json.loads(found["again"])
    assert mine["RoleArn"] == role and mine["AccessKeyId"].startswith("ASIA")
    keys = {
        "aws_access_key_id": mine["AccessKeyId"], "aws_secret_access_key": mine["SecretAccessKey"],
        "aws_session_token": mine["Token"],
    }
    identity = server.client("sts", **keys).get_caller_identity()
    assert identity["Arn"].endswith(f":assumed-role/tests-inside/{task.id}")
    # They end with the role they are of.
    iam.delete_role(RoleName="tests-inside")
    with pytest.raises(ClientError) as error:
        server.client("ecs", **keys).list_tasks()
    assert error.value.response["Error"]["Code"] in ("AccessDeniedException", "UnrecognizedClientException")


def test_others_documents_stay_theirs(lab):
    """A task knows the ids of another one: its metadata and credentials stay closed."""
    other = lab.start(lab.container(SERVE))
    other.running()
    runtime_id = other.containers()["app"]["runtimeId"]
    paths = {
        "v4": f"/v4/{runtime_id}", "v3": f"/v3/{runtime_id}/task", "v2": f"/v2/metadata/{runtime_id}",
        "stats": f"/v4/{runtime_id}/stats", "credentials": "/v2/credentials/00000000-0000-0000-0000-000000000000",
        "none": "/v2/credentials/", "protection": f"/api/{runtime_id}/task-protection/v1/state",
    }
    _, _, found = fetch(lab, {
        name: f"wget -O /dev/null http://169.254.170.2{path} 2>&1 | grep -o 'HTTP/1.[01] [0-9]*'"
        for name, path in paths.items()
    })
    codes = {name: line.split()[1] for name, line in found.items()}
    assert codes["credentials"] == codes["none"] == "400"
    assert {codes[name] for name in ("v4", "v3", "v2", "stats", "protection")} <= {"400", "404"}


def test_the_api_and_its_protection_from_inside(lab, client):
    role = make_role(client("iam"), "tests-protected")
    task, _, found = fetch(lab, {
        "health": get("$AWS_ENDPOINT_URL/_neargate/health"),
        "protection": get("$ECS_AGENT_URI/task-protection/v1/state"),
        "imds": "timeout 1 wget -q -O - http://169.254.169.254/latest/meta-data/ 2> /dev/null || echo closed",
    }, taskRoleArn=role)
    assert json.loads(found["health"])["status"] == "ready"
    assert json.loads(found["protection"])["failure"]["Reason"] == "TASK_NOT_VALID"
    assert json.loads(found["protection"])["failure"]["Arn"] == task.arn
    assert found["imds"] == "closed"
