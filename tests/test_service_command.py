"""`neargate service` and the services of `neargate ps`: what people look at during a rollout."""

import os
import pty
import re
import signal
import subprocess
import time

import pytest

from neargate_server import binary
from waiting import until


@pytest.fixture
def website(services):
    service, _, target_group = services.website(count=2)
    return service, target_group


def test_services_are_shown_at_a_glance_and_in_full(server, services, website):
    service, target_group = website
    listed = server.run("service").stdout.splitlines()
    assert listed[0].split() == ["SERVICE", "STATUS", "DESIRED", "RUNNING", "PENDING", "ROLLOUT", "TARGETS"]
    (line,) = [one for one in listed if one.startswith(service.name)]
    assert re.sub(" +", " ", line) == f"{service.name} ACTIVE 2 2 0 COMPLETED 2/2 healthy"
    assert line in server.run("ps").stdout.partition("\nSERVICES\n")[2].splitlines()
    shown = server.run("service", service.name).stdout
    assert shown.startswith(f"{service.name} in default: ACTIVE, 2 desired, 2 running, 0 pending\n")
    described = service.describe()
    assert described["deployments"][0]["id"] in shown
    assert all(task["taskArn"].rsplit("/", 1)[1] in shown for task in service.tasks())
    for target in services.health(target_group):
        assert re.search(rf"^{re.escape(target)}:80 +us-east-1. +healthy$", shown, re.MULTILINE), shown
    assert described["events"][0]["message"] in shown


def test_a_service_that_ended_is_shown_and_one_that_never_was_is_refused(server, services):
    service = services.service(services.define(), count=1)
    service.stable()
    service.delete()
    service.inactive()
    assert ": INACTIVE, 0 desired, 0 running, 0 pending" in server.run("service", service.name).stdout
    missing = server.run("service", "never-was", check=False)
    assert (missing.returncode, "there is no service never-was in cluster default" in missing.stderr) == (1, True)


def test_a_watch_into_a_pipe_prints_each_change(server, services, website):
    service, _ = website
    command = [binary(), "service", "--data-dir", server.data_dir, "--watch", service.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        os.set_blocking(watch.stdout.fileno(), False)
        seen = ""

        def has(part: str) -> bool:
            nonlocal seen
            seen += watch.stdout.read() or ""
            return part in seen

        until(lambda: has("2 desired, 2 running"), "the first picture")
        service.update(desiredCount=1)
        until(lambda: has("1 desired, 1 running"), "the picture of the change", seconds=60)
        assert "\x1b" not in seen
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=10) == 0


def test_a_watch_on_a_terminal_draws_in_place(server, website):
    service, _ = website
    process, terminal = pty.fork()
    if process == 0:
        os.execv(binary(), ["neargate", "service", "--data-dir", str(server.data_dir), "--watch", service.name])
    seen = b""
    ending = time.monotonic() + 20
    # Two pictures, the second over the first.
    while seen.count(f"{service.name} in default".encode()) < 2 and time.monotonic() < ending:
        seen += os.read(terminal, 65536)
    os.kill(process, signal.SIGINT)
    assert seen.count(f"{service.name} in default".encode()) >= 2
    assert b"\x1b[" in seen.partition(b"in default")[2]
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
