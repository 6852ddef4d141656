"""A bench for tasks: definitions in one line, and what their containers wrote."""

import itertools
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import images
from neargate_server import free_port
from waiting import task_status, until

GROUP = "/tests/lab"
CONTAINERS_MAX = 10


class Task:
    """One task and its log streams."""

    def __init__(self, lab: "Lab", arn: str, definition: str):
        self.lab, self.arn, self.definition = lab, arn, definition
        self.id = arn.rsplit("/", 1)[1]

    def describe(self) -> dict:
        return self.lab.ecs.describe_tasks(tasks=[self.arn])["tasks"][0]

    def running(self) -> dict:
        return task_status(self.lab.ecs, self.arn, "RUNNING")

    def stopped(self, seconds: float = 30) -> dict:
        return task_status(self.lab.ecs, self.arn, "STOPPED", seconds=seconds)

    def stop(self, **options) -> None:
        self.lab.ecs.stop_task(task=self.arn, **options)

    @property
    def address(self) -> str:
        return self.interface["privateIPv4Address"]

    @property
    def interface(self) -> dict:
        (attachment,) = self.describe()["attachments"]
        return {one["name"]: one["value"] for one in attachment["details"]}

    def containers(self) -> dict[str, dict]:
        return {one["name"]: one for one in self.describe()["containers"]}

    def lines(self, container: str = "app") -> list[str]:
        """What the container wrote so far, line by line."""
        stream = f"lab/{container}/{self.id}"
        answer = self.lab.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in answer["events"]]

    def line(self, start: str, container: str = "app") -> str:
        """Waits for a line that starts so, and answers with its rest."""
        found = until(
            lambda: [one for one in self.lines(container) if one.startswith(start)], f"{start!r} of {container}"
        )
        return found[0].removeprefix(start).strip()


class Lab:
    """Registers definitions, runs tasks, pushes images."""

    def __init__(
        self, client, network: dict, execution_role: str, push: Callable[[str, Path], str], folder: Path
    ):
        self.client = client
        self.ecs, self.logs = client("ecs"), client("logs")
        self.network, self.execution_role = network, execution_role
        self.push_archive, self.folder = push, folder
        self.pushed: dict[str, str] = {}
        self.image = self.push("lab", [images.busybox_layer()])
        self.started: list[Task] = []
        self.logs.create_log_group(logGroupName=GROUP)

    def push(self, name: str, layers: list[bytes], config: dict | None = None) -> str:
        archive = self.folder / f"{name}.tar"
        images.oci_archive(archive, layers, config)
        return self.push_archive(name, archive)

    def push_once(self, name: str, layers: list[bytes]) -> str:
        if name not in self.pushed:
            self.pushed[name] = self.push(name, layers)
        return self.pushed[name]

    def container(self, script: str | None = None, **fields) -> dict:
        """A container of the lab's image that runs a shell script, and logs."""
        options = {"awslogs-group": GROUP, "awslogs-region": self.ecs.meta.region_name, "awslogs-stream-prefix": "lab"}
        options |= fields.pop("log", {})
        made = {
            "name": "app",
            "image": self.image,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
        if script is not None:
            made["command"] = ["sh", "-c", script]
        return {**made, **fields}

    def define(self, *containers: dict, **fields) -> str:
        arguments = {
            "family": f"lab-{uuid.uuid4().hex[:8]}",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": self.execution_role,
            **fields,
        }
        return self.ecs.register_task_definition(containerDefinitions=list(containers), **arguments)[
            "taskDefinition"]["taskDefinitionArn"]

    def start(self, *containers: dict, run: dict | None = None, groups: list[str] | None = None, **fields) -> Task:
        """Registers and runs; `run` goes to RunTask, the fields to the definition."""
        return self.launch(self.define(*containers, **fields), groups, **(run or {}))

    def launch(self, definition: str, groups: list[str] | None = None, **options) -> Task:
        network = self.network
        if groups is not None:
            network = {"awsvpcConfiguration": {**network["awsvpcConfiguration"], "securityGroups": groups}}
        answer = self.ecs.run_task(
            taskDefinition=definition, launchType="FARGATE", networkConfiguration=network, **options
        )
        return self.follow(answer)

    def follow(self, answer: dict) -> Task:
        """The one task of RunTask's answer; it is stopped after the test."""
        assert answer["failures"] == []
        (task,) = answer["tasks"]
        self.started.append(Task(self, task["taskArn"], task["taskDefinitionArn"]))
        return self.started[-1]

    def run(self, script: str, run: dict | None = None, **container) -> list[str]:
        """Runs one container to its end: its lines."""
        task = self.start(self.container(script, **container), run=run)
        stopped = task.stopped()
        assert stopped["stopCode"] == "EssentialContainerExited", stopped["stoppedReason"]
        return task.lines()

    def run_each(self, scripts: dict[str, dict], **fields) -> dict[str, list[str]]:
        """Runs containers beside each other, each to its own end: the lines of each."""
        assert len(scripts) < CONTAINERS_MAX
        each = [self.container(name=name, essential=False, **container) for name, container in scripts.items()]
        after = [{"containerName": name, "condition": "COMPLETE"} for name in scripts]
        task = self.start(*each, self.container("true", name="end", dependsOn=after), **fields)
        stopped = task.stopped()
        assert stopped["stopCode"] == "EssentialContainerExited", stopped["stoppedReason"]
        return {name: task.lines(name) for name in scripts}

    def clean(self) -> None:
        """Stops what a test left running."""
        for task in self.started:
            if task.describe()["desiredStatus"] == "RUNNING":
                task.stop()
        for task in self.started:
            task.stopped(seconds=60)
        self.started.clear()


class AnyRegistry:
    """Debian's registry on a port of its own: stands for every registry that isn't ours."""

    def __init__(self, folder: Path):
        self.port = free_port()
        config = folder / "config.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
            f"http: {{addr: '127.0.0.1:{self.port}'}}\n"
        )
        log = (folder / "log").open("wb")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        log.close()
        self.tags = itertools.count(1)
        until(self._answers, "the registry")

    def _answers(self) -> bool:
        done = subprocess.run(["curl", "-fsS", f"http://127.0.0.1:{self.port}/v2/"], capture_output=True, timeout=5)
        return done.returncode == 0

    def push(self, name: str, archive: Path) -> str:
        reference = f"127.0.0.1:{self.port}/{name}:{next(self.tags)}"
        command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci-archive:{archive}"]
        done = subprocess.run([*command, f"docker://{reference}"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return reference

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
