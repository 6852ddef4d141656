"""What a task may use of its node."""

import contextlib
from pathlib import Path

import pytest

from waiting import until

pytestmark = pytest.mark.alone


def test_memory_of_the_task_is_bounded(lab):
    """The hungry container dies alone, and says why."""
    task = lab.start(
        lab.container("head -c 300m /dev/zero | tail", name="hungry", memory=64, essential=False),
        lab.container("sleep 1000 & wait", stopTimeout=2),
    )
    hungry = until(lambda: [one for one in [task.containers()["hungry"]] if one["lastStatus"] == "STOPPED"], "its end")
    assert hungry[0]["exitCode"] == 137
    assert hungry[0]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert hungry[0]["memory"] == "64"
    assert task.describe()["lastStatus"] == "RUNNING"


def test_memory_of_the_whole_task(lab):
    """Without limits of their own containers share the task's memory; the essential one's end stops it."""
    stopped = lab.start(lab.container("exec tail /dev/zero")).stopped()
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (
        "EssentialContainerExited", "Essential container in task exited"
    )
    container = stopped["containers"][0]
    assert container["exitCode"] == 137
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_processors_are_bounded(lab):
    """A quarter of a vCPU: a busy loop gets a quarter of the time."""
    script = (
        "read before _ < /proc/uptime; (while true; do :; done) & loop=$!; sleep 2; "
        "read _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ < /proc/$loop/stat; "
        "read after _ < /proc/uptime; kill $loop; echo $user $system $before $after"
    )
    (line,) = lab.run(script)
    user, system, before, after = (float(word) for word in line.split())
    # 100 ticks are a second.
    assert 0.15 < (user + system) / 100 / (after - before) < 0.32, line


def test_what_was_asked_for_is_shown(lab):
    overrides = {
        "cpu": "512", "memory": "1024", "ephemeralStorage": {"sizeInGiB": 30},
        "containerOverrides": [{"name": "app", "cpu": 128, "memory": 256, "memoryReservation": 128}],
    }
    task = lab.start(lab.container("sleep 0.2", cpu=64, memory=100), run={"overrides": overrides})
    stopped = task.stopped()
    assert (stopped["cpu"], stopped["memory"]) == ("512", "1024")
    assert stopped["ephemeralStorage"] == {"sizeInGiB": 30}
    container = stopped["containers"][0]
    assert (container["cpu"], container["memory"], container["memoryReservation"]) == ("128", "256", "128")


def processes_of(task_id: str) -> int:
    """How many processes the task's cgroup counts; none when it is gone."""
    counts = [0]
    for hierarchy in ("", "pids/", "unified/"):
        with contextlib.suppress(OSError):
            for group in Path(f"/sys/fs/cgroup/{hierarchy}").glob(f"neargate-*/{task_id}/pids.current"):
                counts.append(int(group.read_text()))
    return max(counts)


def test_a_fork_bomb_ends(lab):
    """Thousands of processes hold up neither the node nor their own end."""
    task = lab.start(lab.container("b() { b | b & }; b; sleep 1000", stopTimeout=2))
    task.running()
    # More than a supervisor may have files open; and no more than a machine of half a gibibyte allows.
    until(lambda: processes_of(task.id) > 2000, "thousands of processes")
    task.stop()
    most = 0

    def ended() -> bool:
        nonlocal most
        most = max(most, processes_of(task.id))
        return task.describe()["lastStatus"] == "STOPPED"

    until(ended, "the bomb's end", seconds=20)
    assert 2000 < most <= 4096
    assert task.describe()["containers"][0]["exitCode"] == 137
    assert lab.run("echo next") == ["next"]
