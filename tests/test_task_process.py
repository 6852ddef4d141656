"""What a container's process finds: its arguments, environment, user, limits, rights."""

import os
import resource
import shutil
import urllib.request
from pathlib import Path

import pytest

import images
from waiting import until

CAPABILITIES_DEFAULT = 0x00000000A80425FB
PTRACE = 1 << 19
SYS_RESOURCE = 1 << 24


def status_field(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.startswith(f"{name}:")).split(":", 1)[1].strip()


def files_max() -> int:
    """Fargate's limit, or what this machine grants when the tests' own root may not raise limits."""
    effective = int(status_field(Path("/proc/self/status").read_text().splitlines(), "CapEff"), 16)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 65535 if effective & SYS_RESOURCE else min(65535, hard)


def test_limits_rights_and_places(lab):
    status = {"script": "cat /proc/1/status /proc/self/status; ulimit -n; ulimit -Hn; pwd; id -u; id -g; hostname"}
    lines = lab.run_each({
        "plain": status,
        "dropped": {**status, "linuxParameters": {"capabilities": {"drop": ["ALL"]}}},
        "traced": {**status, "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["NET_RAW"]}}},
        "limited": {
            "script": "ulimit -n; ulimit -Hn; ulimit -c; ulimit -Hc",
            "ulimits": [
                {"name": "nofile", "softLimit": 100, "hardLimit": 200},
                {"name": "core", "softLimit": 0, "hardLimit": 0},
            ],
        },
        "someone": {"script": "id -u; id -g; pwd; echo $HOME", "user": "app", "workingDirectory": "/tmp"},
        "numbers": {"script": "id -u; id -g", "user": "1234:5678"},
        "made": {"script": "pwd", "workingDirectory": "/not/there/yet"},
        "reader": {"script": "touch /x || echo refused; touch /tmp/x || echo refused", "readonlyRootFilesystem": True},
    })
    plain = lines["plain"]
    assert int(status_field(plain, "CapEff"), 16) == CAPABILITIES_DEFAULT
    assert status_field(plain, "Seccomp") == "2"
    assert plain[-6:-1] == [str(files_max()), str(files_max()), "/", "0", "0"]
    assert plain[-1].startswith("ip-172-31-")
    assert int(status_field(lines["dropped"], "CapEff"), 16) == 0
    assert int(status_field(lines["dropped"], "CapBnd"), 16) == 0
    traced = int(status_field(lines["traced"], "CapEff"), 16)
    assert traced == (CAPABILITIES_DEFAULT | PTRACE) & ~(1 << 13)
    assert lines["limited"] == ["100", "200", "0", "0"]
    assert lines["someone"] == ["1000", "1000", "/tmp", "/"]
    assert lines["numbers"] == ["1234", "5678"]
    assert lines["made"] == ["/not/there/yet"]
    assert lines["reader"].count("refused") == 2


def test_the_environment_and_who_wins(lab):
    image = lab.push("env", [images.busybox_layer()], {"Env": ["PATH=/bin", "A=image", "B=image", "C=image"]})
    container = lab.container(
        "env", image=image, environment=[{"name": "B", "value": "definition"}, {"name": "C", "value": "definition"}]
    )
    override = {"name": "app", "environment": [{"name": "C", "value": "override"}, {"name": "D", "value": "x y"}]}
    task = lab.start(container, run={"overrides": {"containerOverrides": [override]}})
    stopped = task.stopped()
    seen = dict(line.split("=", 1) for line in task.lines())
    assert {name: seen[name] for name in "ABCD"} == {"A": "image", "B": "definition", "C": "override", "D": "x y"}
    runtime_id = stopped["containers"][0]["runtimeId"]
    assert seen["ECS_CONTAINER_METADATA_URI_V4"] == f"http://169.254.170.2/v4/{runtime_id}"
    assert seen["ECS_CONTAINER_METADATA_URI"] == f"http://169.254.170.2/v3/{runtime_id}"
    assert seen["ECS_AGENT_URI"] == f"http://169.254.170.2/api/{runtime_id}"
    assert seen["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
    assert (seen["AWS_REGION"], seen["AWS_DEFAULT_REGION"]) == ("us-east-1", "us-east-1")
    assert seen["HOSTNAME"].startswith("ip-172-31-") and seen["HOSTNAME"].endswith(".ec2.internal")
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in seen
    assert stopped["overrides"]["containerOverrides"][0]["environment"] == override["environment"]


def test_entry_points_and_commands(lab):
    """The image's, the definition's and the override's, as Docker merges them."""
    config = {"Entrypoint": ["/bin/echo", "image-entry"], "Cmd": ["image-command"]}
    image = lab.push("entry", [images.busybox_layer()], config)
    lines = lab.run_each({
        "neither": {"image": image},
        "command": {"image": image, "command": ["given"]},
        "entry": {"image": image, "entryPoint": ["/bin/echo", "own"]},
        "both": {"image": image, "entryPoint": ["/bin/echo", "own"], "command": ["given"]},
    })
    assert lines == {
        "neither": ["image-entry image-command"],
        "command": ["image-entry given"],
        "entry": ["own"],
        "both": ["own given"],
    }
    override = {"overrides": {"containerOverrides": [{"name": "app", "command": ["over"]}]}}
    task = lab.start(lab.container(image=image, command=["given"]), run=override)
    task.stopped()
    assert task.lines() == ["image-entry over"]


def test_an_entry_point_that_is_not_there(lab):
    task = lab.start(lab.container(entryPoint=["nothing-here"]))
    stopped = task.stopped()
    expected = (
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to "
        'create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: '
        '"nothing-here": executable file not found in $PATH: unknown'
    )
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"] == expected
    assert stopped["containers"][0]["reason"] == expected
    assert "exitCode" not in stopped["containers"][0]


def test_an_init_process_reaps(lab):
    # Only process 1 can reap the orphan; `sleep` doesn't.
    script = (
        "cat /proc/1/comm; (sleep 0.1 &); (sleep 0.4; grep -l '(sleep) Z' /proc/[0-9]*/stat | wc -l) & exec sleep 2"
    )
    lines = lab.run_each({
        "plain": {"script": script},
        "init": {"script": script, "linuxParameters": {"initProcessEnabled": True}},
    })
    assert lines["plain"] == ["sh", "1"]
    assert lines["init"][0] != "sh" and lines["init"][1] == "0"


def test_system_controls(lab):
    controls = [
        {"namespace": "net.core.somaxconn", "value": "777"}, {"namespace": "kernel.shmmax", "value": "1048576"},
    ]
    script = "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmax"
    assert lab.run(script, systemControls=controls) == ["777", "1048576"]


@pytest.mark.parametrize("mode", ["own", "task"])
def test_processes_of_the_other_containers(lab, mode):
    fields = {"pidMode": "task"} if mode == "task" else {}
    other = lab.container("exec sleep 1000", name="other", essential=False, stopTimeout=2)
    script = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    app = lab.container(script, dependsOn=[{"containerName": "other", "condition": "START"}])
    task = lab.start(other, app, **fields)
    task.stopped(seconds=45)
    assert ("sleep 1000" in " ".join(task.lines())) == (mode == "task")


def test_what_is_hidden_from_containers(lab):
    script = (
        "for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/kernel/notes; do "
        "  echo x > $file && echo wrote $file; done; "
        "mount -t tmpfs none /tmp && echo mounted; "
        "mknod /tmp/disk b 254 0 && cat /tmp/disk > /dev/null && echo device; "
        "ls /dev | tr '\\n' ' '"
    )
    (devices,) = lab.run(f"exec 2> /dev/null; {script}")
    assert devices.split() == [
        "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
        "urandom", "zero",
    ]


@pytest.mark.skipif(not shutil.which("runsc"), reason="gVisor's runsc is not installed")
def test_a_kernel_of_its_own(lab):
    """One sandbox for all containers of the task, with everything else as ever."""
    tags = [{"key": "neargate:isolation", "value": "kernel"}]
    end = images.file_layer("www/cgi-bin/end", b"#!/bin/sh\necho; echo bye; touch /www/seen\n", 0o755)
    image = lab.push("ends", [images.busybox_layer(), end])
    mount = {"mountPoints": [{"sourceVolume": "shared", "containerPath": "/shared"}]}
    # busybox's wget reads in a way that this gVisor can't serve; nc does as well.
    fetch = (
        '(printf "GET /v4/${ECS_CONTAINER_METADATA_URI_V4##*/} HTTP/1.0\\r\\n\\r\\n"; sleep 0.5) | nc 169.254.170.2 80'
    )
    script = f"httpd -p 80 -h /www; uname -r; dmesg | head -1; {fetch}; nslookup $HOSTNAME; cat /shared/file; "
    task = lab.start(
        lab.container(
            "echo shared > /shared/file; trap 'echo term; exit 5' TERM; while true; do sleep 0.05; done", name="side",
            **mount
        ),
        lab.container(
            f"sleep 0.3; {script} echo done; while [ ! -e /www/seen ]; do sleep 0.1; done; exit 4", image=image, **mount
        ),
        tags=tags, volumes=[{"name": "shared"}],
    )
    task.running()
    until(lambda: "done" in task.lines(), "the script's end")
    # Serving on a privileged port, this request is also what ends it.
    with urllib.request.urlopen(f"http://{task.address}/cgi-bin/end", timeout=5) as response:
        assert response.read() == b"bye\n"
    stopped = task.stopped()
    codes = {one["name"]: one["exitCode"] for one in stopped["containers"]}
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert (codes["app"], codes["side"]) == (4, 5)
    assert task.lines("side") == ["term"]
    release, *rest = task.lines()
    assert release != os.uname().release
    assert any("gVisor" in line for line in rest)
    assert any(task.id in line for line in rest), rest
    assert any(line.endswith(task.address) for line in rest if line.startswith("Address")), rest
    assert "shared" in rest


def test_an_unknown_isolation_is_refused(lab):
    tags = [{"key": "neargate:isolation", "value": "lock"}]
    stopped = lab.start(lab.container("true"), tags=tags).stopped()
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert "neargate:isolation" in stopped["stoppedReason"]
