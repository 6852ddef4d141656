"""`kill -9` of every part of Neargate: what was acknowledged holds, what ran goes on, and nothing is left behind."""

import concurrent.futures
import random
import threading
import time

import botocore.exceptions
import pytest

from fault_lab import (
    COUNT_SLOWLY, count_to, counted_once, describe, kill_all, log_lines, own_lab, processes_named, run_many, statuses,
)
from host_state import host_state, left_behind, processes_of
from task_lab import Lab
from waiting import until

pytestmark = pytest.mark.alone

LINES_OF_SHORT_TASKS = 400


@pytest.fixture
def before():
    return host_state()


@pytest.fixture
def own_server(before, make_server):
    return make_server()


@pytest.fixture
def own(own_server, tmp_path) -> Lab:
    return own_lab(own_server, tmp_path / "lab")


class Acknowledged:
    """What the server has answered to clients that work until it dies."""

    def __init__(self):
        self.started: list[str] = []
        self.stopped: dict[str, str] = {}
        self.registered: list[str] = []
        self.dead = threading.Event()

    def repeat(self, call) -> None:
        """Calls until the server is gone: a refused call is an error of the test."""
        while not self.dead.is_set():
            try:
                call()
            except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError):
                self.dead.set()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_kill_while_fifty_tasks_start_run_log_and_stop(own, own_server, before, seed):
    chance = random.Random(seed)
    long = own.define(own.container(COUNT_SLOWLY, stopTimeout=2))
    short = own.define(own.container(count_to(LINES_OF_SHORT_TASKS)))
    running = run_many(own, long, 20)
    until(lambda: set(statuses(own, running)) == {"RUNNING"}, "all run", 60)
    began = {arn: task["startedAt"] for arn, task in describe(own, running).items()}
    to_stop = running[:10]

    seen = Acknowledged()
    waiting = list(to_stop)

    def start() -> None:
        if len(seen.started) >= 30:
            return time.sleep(0.01)
        seen.started.extend(run_many(own, chance.choice([long, short]), 2))

    def stop() -> None:
        if not waiting:
            return time.sleep(0.01)
        reason = f"reason {len(waiting)}"
        own.ecs.stop_task(task=waiting[-1], reason=reason)
        seen.stopped[waiting.pop()] = reason
        time.sleep(0.03)

    def register() -> None:
        seen.registered.append(own.define(own.container("true")))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        calls = [pool.submit(seen.repeat, call) for call in (start, stop, register)]
        time.sleep(0.3 + chance.random())
        own_server.kill()
        for call in calls:
            call.result()
    time.sleep(0.2)
    own_server.up()
    check_acknowledged(own, seen, began, to_stop)
    own_server.down()
    assert left_behind(before, host_state(), own_server.data_dir) == {}


def check_acknowledged(lab: Lab, seen: Acknowledged, began: dict, to_stop: list[str]) -> None:
    for arn in seen.registered:
        assert lab.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "ACTIVE"
    kept = [arn for arn in began if arn not in to_stop]
    assert set(statuses(lab, kept)) == {"RUNNING"}
    assert {arn: task["startedAt"] for arn, task in describe(lab, kept).items()} == {arn: began[arn] for arn in kept}
    until(lambda: set(statuses(lab, list(seen.stopped))) <= {"STOPPED"}, "the stopped ones stop", 60)
    for arn, task in describe(lab, list(seen.stopped)).items():
        assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", seen.stopped[arn])
        counted_once(log_lines(lab, arn))
    # What was starting runs, or has run to its end; nothing was lost to the kill.
    until(lambda: set(statuses(lab, seen.started)) <= {"RUNNING", "STOPPED"}, "what was starting goes on", 60)
    until(lambda: short_ones_ended(lab, seen.started), "the short ones end", 60)
    for arn, task in describe(lab, seen.started).items():
        if task["lastStatus"] == "STOPPED":
            assert task["stopCode"] == "EssentialContainerExited", task
            assert task["containers"][0]["exitCode"] == 0
            assert counted_once(log_lines(lab, arn)) == LINES_OF_SHORT_TASKS
    for arn in kept:
        far = counted_once(log_lines(lab, arn))
        assert until(lambda: counted_once(log_lines(lab, arn)) > far, "it counts on")


def short_ones_ended(lab: Lab, arns: list[str]) -> bool:
    found = describe(lab, arns).values()
    definitions = {task["taskDefinitionArn"] for task in found if task["lastStatus"] == "STOPPED"}
    return all(
        task["lastStatus"] == "STOPPED" for task in found if task["taskDefinitionArn"] in definitions
    )


def test_a_killed_supervisor_ends_its_task_alone(own, own_server):
    tasks = run_many(own, own.define(own.container(COUNT_SLOWLY)), 3)
    until(lambda: set(statuses(own, tasks)) == {"RUNNING"}, "all run")
    supervisors = processes_named(own_server.data_dir, "neargate-task")
    assert len(supervisors) == 3
    kill_all(supervisors[:1])
    until(lambda: statuses(own, tasks).count("STOPPED") == 1, "one stops")
    assert statuses(own, tasks).count("RUNNING") == 2
    (lost,) = [task for task in describe(own, tasks).values() if task["lastStatus"] == "STOPPED"]
    assert "supervisor" in lost["stoppedReason"]
    assert counted_once(log_lines(own, lost["taskArn"])) > 0
    task_id = lost["taskArn"].rsplit("/", 1)[1]
    until(lambda: not any(task_id in line for line in processes_of(own_server.data_dir)), "its processes are gone")
    assert not [line for line in host_state()["cgroups"] if task_id in line]
    # A new task still starts.
    more = run_many(own, own.define(own.container(COUNT_SLOWLY)), 1)
    until(lambda: statuses(own, more) == ["RUNNING"], "another runs")


def test_supervisors_killed_together_with_the_server(own, own_server):
    tasks = run_many(own, own.define(own.container(COUNT_SLOWLY)), 3)
    until(lambda: set(statuses(own, tasks)) == {"RUNNING"}, "all run")
    own_server.kill()
    kill_all(processes_named(own_server.data_dir, "neargate-task"))
    own_server.up()
    until(lambda: set(statuses(own, tasks)) == {"STOPPED"}, "all stop")
    for arn in tasks:
        assert counted_once(log_lines(own, arn)) > 0


def test_a_killed_spawner_is_replaced(own, own_server):
    tasks = run_many(own, own.define(own.container(COUNT_SLOWLY)), 1)
    until(lambda: statuses(own, tasks) == ["RUNNING"], "it runs")
    spawners = processes_named(own_server.data_dir, "neargate-spawn")
    assert len(spawners) == 1
    starting = run_many(own, own.define(own.container(COUNT_SLOWLY)), 10)
    kill_all(spawners)
    more = run_many(own, own.define(own.container(COUNT_SLOWLY)), 1)
    until(lambda: set(statuses(own, starting + more)) == {"RUNNING"}, "the others run", 20)
    assert statuses(own, tasks) == ["RUNNING"]
    until(lambda: all(counted_once(log_lines(own, arn)) for arn in starting + more), "each counts")
    (replaced,) = processes_named(own_server.data_dir, "neargate-spawn")
    own_server.kill()
    until(lambda: not processes_named(own_server.data_dir, "neargate-spawn"), "it ends with its server")
    assert replaced != spawners[0]


def test_down_after_everything_was_killed(own, own_server, before):
    tasks = run_many(own, own.define(own.container(COUNT_SLOWLY)), 5)
    until(lambda: set(statuses(own, tasks)) == {"RUNNING"}, "all run")
    spawners = processes_named(own_server.data_dir, "neargate-spawn")
    supervisors = processes_named(own_server.data_dir, "neargate-task")
    own_server.kill()
    kill_all(spawners + supervisors)
    own_server.down()
    assert left_behind(before, host_state(), own_server.data_dir) == {}
    own_server.up()
    until(lambda: set(statuses(own, tasks)) == {"STOPPED"}, "they are told as stopped")


def test_a_server_that_dies_again_and_again(own, own_server, before):
    """Killed soon after each start, at another moment of its tasks' starts every time."""
    short = own.define(own.container(count_to(LINES_OF_SHORT_TASKS)))
    tasks = []
    for round_ in range(6):
        tasks += run_many(own, short, 5)
        time.sleep(0.03 * round_)
        own_server.kill()
        own_server.up()
    until(lambda: set(statuses(own, tasks)) == {"STOPPED"}, "all ended", 60)
    for arn, task in describe(own, tasks).items():
        assert task["stopCode"] == "EssentialContainerExited", task["stoppedReason"]
        assert task["containers"][0]["exitCode"] == 0
        assert counted_once(log_lines(own, arn)) == LINES_OF_SHORT_TASKS
    own_server.down()
    assert left_behind(before, host_state(), own_server.data_dir) == {}


@pytest.mark.parametrize("pause", [0, 0.1, 0.3])
def test_down_while_tasks_start(own, own_server, before, pause):
    run_many(own, own.define(own.container(COUNT_SLOWLY)), 20)
    time.sleep(pause)
    own_server.down()
    assert left_behind(before, host_state(), own_server.data_dir) == {}


def test_what_a_task_reaches_comes_back_with_the_server(own, own_server):
    """Metadata, the resolver and the API inside the VPC, for a task that outlived the server's death."""
    script = (
        "while true; do "
        "wget -q -O /tmp/m $ECS_CONTAINER_METADATA_URI_V4/task && grep -q TaskARN /tmp/m && echo metadata; "
        "wget -q -O - $AWS_ENDPOINT_URL/_neargate/health | grep -q ready && echo endpoint; "
        "nslookup $(hostname) > /dev/null && echo resolver; sleep 0.2; done"
    )
    tasks = run_many(own, own.define(own.container(script)), 1)
    kinds = {"metadata", "endpoint", "resolver"}
    until(lambda: kinds <= set(log_lines(own, tasks[0])), "it reaches all of them")
    own_server.kill()
    own_server.up()
    seen = len(log_lines(own, tasks[0]))
    until(lambda: kinds <= set(log_lines(own, tasks[0])[seen + 6:]), "it reaches all of them again")


def test_nothing_is_stopped_twice_or_forgotten_when_the_stop_is_killed(own, own_server):
    """The server dies right after it took stop requests: their reasons hold, and SIGTERM comes once."""
    script = "trap 'echo stopping; sleep 1; echo stopped; exit 7' TERM; echo ready; while true; do sleep 0.05; done"
    tasks = run_many(own, own.define(own.container(script)), 5)
    until(lambda: all(log_lines(own, arn) == ["ready"] for arn in tasks), "all are ready")
    for arn in tasks:
        own.ecs.stop_task(task=arn, reason="once")
    own_server.kill()
    own_server.up()
    until(lambda: set(statuses(own, tasks)) == {"STOPPED"}, "all stop")
    for arn, task in describe(own, tasks).items():
        assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "once")
        assert task["containers"][0]["exitCode"] == 7
        assert log_lines(own, arn) == ["ready", "stopping", "stopped"]
