"""Environment files of containers: out of S3, with the execution role, before the task starts."""

import uuid

import pytest
from botocore.exceptions import ClientError

PRINT = "env | sort"


@pytest.fixture(scope="module")
def bucket(client) -> str:
    s3 = client("s3")
    name = f"environment-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    files = {
        "app.env": "# the application's\n\nA=from app.env\nB=2 # part of the value\nA=not the second\nURL=http://x?y=z\n",
        "team/other.env": "A=not this\nC=from other.env\r\nD=\n",
        "override.env": "A=from override.env\n",
        "wrong.env": "A=1\nnothing\n",
    }
    for key, text in files.items():
        s3.put_object(Bucket=name, Key=key, Body=text.encode())
    return name


def files(bucket: str, *keys: str) -> list[dict]:
    return [{"type": "s3", "value": f"arn:aws:s3:::{bucket}/{key}"} for key in keys]


def variables(lines: list[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_files_in_their_order(lab, bucket):
    given = {
        "environmentFiles": files(bucket, "app.env", "team/other.env"),
        "environment": [{"name": "B", "value": "from the definition"}],
    }
    found = variables(lab.run(PRINT, **given))
    expected = {"A": "from app.env", "B": "from the definition", "C": "from other.env", "D": "", "URL": "http://x?y=z"}
    assert expected.items() <= found.items()


def test_the_files_of_an_override(lab, bucket):
    override = {"name": "app", "environmentFiles": files(bucket, "override.env")}
    run = {"overrides": {"containerOverrides": [override]}}
    found = variables(lab.run(PRINT, run=run, environmentFiles=files(bucket, "app.env")))
    assert found["A"] == "from override.env"
    assert "URL" not in found


def stopped_reason(lab, **arguments) -> str:
    stopped = lab.start(lab.container("true", **arguments.pop("container")), **arguments).stopped()
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert all("exitCode" not in one for one in stopped["containers"])
    return stopped["stoppedReason"]


def test_files_that_are_missing_or_wrong(lab, bucket):
    begin = "ResourceInitializationError: failed to download env files: "
    stream = f"{begin}file download command: non empty error stream: "
    reason = stopped_reason(lab, container={"environmentFiles": files(bucket, "none.env")})
    assert reason == f"{stream}arn:aws:s3:::{bucket}/none.env: NoSuchKey: The specified key does not exist."
    reason = stopped_reason(lab, container={"environmentFiles": files("no-such-bucket-here", "a.env")})
    assert reason.startswith(stream) and reason.endswith("NoSuchBucket: The specified bucket does not exist")
    reason = stopped_reason(lab, container={"environmentFiles": files(bucket, "wrong.env")})
    assert reason == f"{begin}arn:aws:s3:::{bucket}/wrong.env: line 2: a variable needs the form VARIABLE=VALUE"


def test_the_execution_role_decides(lab, bucket):
    """Without one nobody could read the file for the task."""
    container = {"name": "app", "image": "localhost/never-pulled", "environmentFiles": files(bucket, "app.env")}
    defined = lab.ecs.register_task_definition(
        family=f"environment-{uuid.uuid4().hex[:8]}",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[container],
    )
    stopped = lab.launch(defined["taskDefinition"]["taskDefinitionArn"]).stopped()
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("ResourceInitializationError: failed to download env files: ")
    assert stopped["stoppedReason"].endswith("AccessDenied: the task definition has no execution role")


@pytest.mark.parametrize(
    "value, message",
    [
        ("arn:aws:s3:::bucket/a.txt", "Environment files must have a .env file extension"),
        ("bucket/a.env", "Invalid arn syntax"),
    ],
)
def test_what_registration_refuses(lab, value, message):
    with pytest.raises(ClientError) as caught:
        lab.define(lab.container("true", environmentFiles=[{"type": "s3", "value": value}]))
    assert message in caught.value.response["Error"]["Message"]


def test_files_that_the_command_line_brought(server, lab, tmp_path):
    """`aws s3 mb` and `aws s3 cp`, and a task that reads what came."""
    bucket = f"cli-{uuid.uuid4().hex[:12]}"
    (tmp_path / "app.env").write_text("GREETING=hello from a file\n")
    server.aws("s3", "mb", f"s3://{bucket}")
    server.aws("s3", "cp", str(tmp_path / "app.env"), f"s3://{bucket}/app.env")
    assert lab.run('echo "$GREETING"', environmentFiles=files(bucket, "app.env")) == ["hello from a file"]
