"""What the fault tests share: a laboratory on a server that the test may kill, and processes found by their place."""

import itertools
import os
import signal
from pathlib import Path

from conftest import make_role, pusher
from host_state import instance_name
from neargate_server import Server
from task_lab import GROUP, Lab

COUNT_SLOWLY = "cat /proc/sys/kernel/random/uuid; i=0; while true; do i=$((i+1)); echo line $i; sleep 0.05; done"
LAUNCH_COUNT_MAX = 10
DESCRIBE_COUNT_MAX = 100


def count_to(last: int, pause: str = "") -> str:
    """A script whose lines tell how often it began, and that each of its lines arrived once."""
    return (
        f"cat /proc/sys/kernel/random/uuid; i=0; while [ $i -lt {last} ]; do i=$((i+1)); echo line $i; {pause or ':'}; "
        "done"
    )


def own_lab(server: Server, folder: Path) -> Lab:
    """A laboratory on a server of the test's own."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}

    def client(service: str):
        if service not in made:
            made[service] = server.client(service)
        return made[service]

    role = make_role(
        client("iam"), "faults-execution", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    )
    subnets = client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    network = {"awsvpcConfiguration": {"subnets": [subnets[0]["SubnetId"]], "assignPublicIp": "ENABLED"}}
    return Lab(client, network, role, pusher(server, client), folder)


def run_many(lab: Lab, definition: str, count: int) -> list[str]:
    """ARNs of so many tasks."""
    arns = []
    while len(arns) < count:
        answer = lab.ecs.run_task(
            taskDefinition=definition, launchType="FARGATE", networkConfiguration=lab.network,
            count=min(LAUNCH_COUNT_MAX, count - len(arns)),
        )
        assert answer["failures"] == []
        arns += [task["taskArn"] for task in answer["tasks"]]
    return arns


def describe(lab: Lab, arns: list[str]) -> dict[str, dict]:
    """Tasks by ARN; every one must be known."""
    found = {}
    for start in range(0, len(arns), DESCRIBE_COUNT_MAX):
        answer = lab.ecs.describe_tasks(tasks=arns[start:start + DESCRIBE_COUNT_MAX])
        assert answer["failures"] == []
        found |= {task["taskArn"]: task for task in answer["tasks"]}
    assert set(found) == set(arns)
    return found


def statuses(lab: Lab, arns: list[str]) -> list[str]:
    return [task["lastStatus"] for task in describe(lab, arns).values()]


def log_lines(lab: Lab, arn: str, container: str = "app") -> list[str]:
    """Every line of a container, over all pages."""
    stream = f"lab/{container}/{arn.rsplit('/', 1)[1]}"
    found, token = [], {}
    while True:
        try:
            page = lab.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **token)
        except lab.logs.exceptions.ResourceNotFoundException:
            # It is made shortly before the container starts.
            return []
        found += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken"):
            return found
        token = {"nextToken": page["nextForwardToken"]}


def counted_once(lines: list[str]) -> int:
    """Checks that a counting container began once and that no line is lost or doubled: how far it came."""
    if not lines:
        return 0
    numbers = [int(line.removeprefix("line ")) for line in lines[1:]]
    assert "line" not in lines[0], f"it doesn't begin with its own name: {lines[:3]}"
    assert numbers == list(range(1, len(numbers) + 1)), _first_break(numbers)
    return len(numbers)


def _first_break(numbers: list[int]) -> str:
    for place, (expected, seen) in enumerate(zip(itertools.count(1), numbers)):
        if expected != seen:
            return f"line {place + 1} counts {seen}: {numbers[max(0, place - 3):place + 4]}"
    return "no break"


def processes_named(data_dir: Path, name: str) -> list[int]:
    """Pids of an instance's own processes by their short name."""
    instance = instance_name(data_dir)
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            if (place / "comm").read_text().strip() != name:
                continue
            command = (place / "cmdline").read_text()
        except OSError:
            continue
        if instance in command or str(data_dir) in command:
            found.append(int(place.name))
    return sorted(found)


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
