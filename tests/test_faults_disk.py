"""A disk that fills: calls fail in AWS's shape, what was acknowledged survives, and all goes on when there is room."""

import os
import subprocess
import time

import botocore.exceptions
import pytest

from conftest import take_down
from fault_lab import count_to, counted_once, describe, log_lines, own_lab, run_many, statuses
from host_state import host_state
from neargate_server import Server
from waiting import until

pytestmark = pytest.mark.alone

DISK_MIB = 64
LINES = 60


@pytest.fixture
def disk(tmp_path):
    """A small file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "neargate-tests", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def small_server(disk):
    before = host_state()
    server = Server(disk / "data")
    server.log_path = disk.parent / "server.log"
    yield server.up()
    assert take_down(server, before) == []


def fill(disk) -> None:
    """Takes every last byte."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        size = 1024 * 1024
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2


def free(disk) -> None:
    (disk / "ballast").unlink()


def refused(call) -> botocore.exceptions.ClientError:
    """Calls until the server's last reserves are used up, and answers with the error."""
    for number in range(2000):
        try:
            call(number)
        except botocore.exceptions.ClientError as error:
            return error
    raise AssertionError("a full disk takes everything")


def test_a_full_disk(small_server, disk, tmp_path):
    lab = own_lab(small_server, tmp_path / "lab")
    slow = lab.define(lab.container(count_to(LINES, pause="sleep 0.1") + "; exit 3"))
    (task,) = run_many(lab, slow, 1)
    until(lambda: counted_once(log_lines(lab, task)) > 3, "it counts")
    acknowledged = []

    def create(number: int) -> None:
        name = f"full-{number}"
        lab.ecs.create_cluster(clusterName=name)
        acknowledged.append(name)

    lab.logs.create_log_stream(logGroupName="/tests/lab", logStreamName=f"lab/app/{task.rsplit('/', 1)[1]}x")
    fill(disk)
    error = refused(create)
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    assert 500 <= status < 600, error
    assert error.response["Error"]["Code"] in ("ServerException", "InternalFailure", "ServiceUnavailable"), error
    assert error.response["ResponseMetadata"]["RequestId"]
    # Reads go on, of what was acknowledged and nothing else.
    assert small_server.health()
    assert names(lab) == {"default", *acknowledged}
    assert statuses(lab, [task]) == ["RUNNING"]
    error = refused(lambda _: lab.logs.put_log_events(
        logGroupName="/tests/lab", logStreamName=f"lab/app/{task.rsplit('/', 1)[1]}x",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": os.urandom(50_000).hex()}],
    ))
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error
    with pytest.raises(botocore.exceptions.ClientError):
        run_many(lab, slow, 10)
    free(disk)
    # Nobody has to restart anything.
    until(lambda: writes_again(lab, acknowledged), "it writes again", 10)
    until(lambda: statuses(lab, [task]) == ["STOPPED"], "the task has ended", 30)
    assert counted_once(log_lines(lab, task)) == LINES
    assert describe(lab, [task])[task]["containers"][0]["exitCode"] == 3
    (next_task,) = run_many(lab, slow, 1)
    until(lambda: statuses(lab, [next_task]) == ["RUNNING"], "another runs")
    small_server.kill()
    small_server.up()
    assert names(lab) == {"default", *acknowledged}
    until(lambda: statuses(lab, [next_task]) == ["STOPPED"], "it ends", 30)
    assert counted_once(log_lines(lab, next_task)) == LINES


def test_a_kill_on_a_full_disk(small_server, disk, tmp_path):
    """The server dies while there is no room, and can't start before there is some: it says so."""
    lab = own_lab(small_server, tmp_path / "lab")
    slow = lab.define(lab.container(count_to(LINES, pause="sleep 0.1")))
    (task,) = run_many(lab, slow, 1)
    until(lambda: counted_once(log_lines(lab, task)) > 3, "it counts")
    fill(disk)
    refused(lambda number: lab.ecs.create_cluster(clusterName=f"full-{number}"))
    small_server.kill()
    try:
        small_server.up()
    except RuntimeError as told:
        assert "No space left on device" in str(told) and "panicked" not in str(told)
        small_server._reap()
    free(disk)
    if small_server.process is None:
        small_server.up()
    until(lambda: statuses(lab, [task]) == ["STOPPED"], "the task has ended", 30)
    assert counted_once(log_lines(lab, task)) == LINES


def test_down_on_a_full_disk(disk, tmp_path):
    before = host_state()
    server = Server(disk / "data")
    server.log_path = disk.parent / "server.log"
    server.up()
    lab = own_lab(server, tmp_path / "lab")
    tasks = run_many(lab, lab.define(lab.container("sleep 1000")), 3)
    until(lambda: set(statuses(lab, tasks)) == {"RUNNING"}, "they run")
    fill(disk)
    assert take_down(server, before) == []


def names(lab) -> set[str]:
    pages = lab.ecs.get_paginator("list_clusters").paginate()
    return {arn.rsplit("/", 1)[1] for page in pages for arn in page["clusterArns"]}


def writes_again(lab, acknowledged: list[str]) -> bool:
    try:
        lab.ecs.create_cluster(clusterName="room")
    except botocore.exceptions.ClientError:
        return False
    acknowledged.append("room")
    return True
