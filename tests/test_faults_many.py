"""Two hundred tasks at once: all run, all stop, and the host has what it had."""

import subprocess

import pytest

from fault_lab import own_lab, run_many, statuses
from host_state import host_state, left_behind
from waiting import until

pytestmark = pytest.mark.alone

TASKS = 200


@pytest.fixture
def own_server(make_server):
    return make_server()


def test_two_hundred_tasks_at_once(own_server, tmp_path):
    lab = own_lab(own_server, tmp_path / "lab")
    warm = run_many(lab, lab.define(lab.container("true")), 1)
    until(lambda: statuses(lab, warm) == ["STOPPED"], "the first one ended")
    before = host_state()
    definition = lab.define(lab.container("trap 'exit 0' TERM; echo here; sleep 1000 & wait"))
    tasks = run_many(lab, definition, TASKS)
    until(lambda: set(statuses(lab, tasks)) == {"RUNNING"}, "all run", 90)
    addresses = {
        detail["value"] for arn in tasks for detail in lab.ecs.describe_tasks(tasks=[arn])["tasks"][0]["attachments"][0][
            "details"] if detail["name"] == "privateIPv4Address"
    }
    assert len(addresses) == TASKS
    for arn in tasks:
        lab.ecs.stop_task(task=arn)
    until(lambda: set(statuses(lab, tasks)) == {"STOPPED"}, "all stopped", 90)
    kinds = ("mounts", "loop devices", "links", "processes", "network namespaces", "cgroups")

    def left() -> dict:
        found = left_behind(before, host_state(), own_server.data_dir)
        # The spawner appears in the list anew whenever it has just forked.
        return {kind: [line for line in lines if "neargate up" not in line] for kind, lines in found.items()
                if kind in kinds}

    until(lambda: not any(left().values()), "nothing is left", 20)
    names = {arn.rsplit("/", 1)[1] for arn in tasks}
    until(lambda: not names & set(subprocess.run(
        ["ls", own_server.data_dir / "node" / "tasks"], capture_output=True, text=True).stdout.split()), "no folder")
