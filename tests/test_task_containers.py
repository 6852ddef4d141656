"""How the containers of a task begin, are checked, restart and end."""

import time

from botocore.exceptions import ClientError

import images
from waiting import until

HEALTHY = {"command": ["CMD-SHELL", "test -f /tmp/ready"], "interval": 5, "timeout": 2, "retries": 1}
SLEEP = "trap 'exit 0' TERM; while true; do sleep 0.05; done"


def after(name: str, condition: str) -> dict:
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


def test_the_order_of_dependencies(lab):
    """COMPLETE waits for any end, SUCCESS for a good one, START for a start; the lines' times tell."""
    task = lab.start(
        lab.container("sleep 0.3; echo fails; exit 7", name="fails", essential=False),
        lab.container("echo good", name="good", essential=False, **after("fails", "COMPLETE")),
        lab.container(f"echo base; {SLEEP}", name="base", essential=False, **after("good", "SUCCESS")),
        lab.container("echo app; exit 0", **after("base", "START")),
    )
    stopped = task.stopped()
    assert stopped["stopCode"] == "EssentialContainerExited"
    codes = {one["name"]: one["exitCode"] for one in stopped["containers"]}
    assert codes == {"fails": 7, "good": 0, "base": 0, "app": 0}
    times = []
    for name in ("fails", "good", "base", "app"):
        events = lab.logs.get_log_events(logGroupName="/tests/lab", logStreamName=f"lab/{name}/{task.id}")["events"]
        assert [event["message"] for event in events] == [name]
        times.append(events[0]["timestamp"])
    assert times == sorted(times)


def test_health_before_and_after(lab):
    """HEALTHY holds the dependent back; a check that fails later turns the task UNHEALTHY, and doesn't stop it."""
    # Both turns come within the shortest interval, five seconds.
    checked = f"(sleep 1; touch /tmp/ready; sleep 5; rm /tmp/ready) & {SLEEP}"
    task = lab.start(
        lab.container(checked, name="checked", healthCheck=HEALTHY | {"retries": 3}),
        lab.container(SLEEP, **after("checked", "HEALTHY")),
    )
    until(lambda: task.containers()["checked"]["lastStatus"] == "RUNNING", "the checked one runs")
    assert task.containers()["app"]["lastStatus"] == "PENDING"
    assert task.describe()["lastStatus"] in ("PENDING", "ACTIVATING")
    running = task.running()
    assert running["healthStatus"] == "HEALTHY"
    health = {one["name"]: one.get("healthStatus") for one in running["containers"]}
    assert health == {"checked": "HEALTHY", "app": "UNKNOWN"}
    task.stop()
    assert task.stopped()["healthStatus"] in ("HEALTHY", "UNKNOWN", "UNHEALTHY")


def test_an_unhealthy_task_goes_on(lab):
    task = lab.start(lab.container(SLEEP, healthCheck=HEALTHY))
    assert task.running()["healthStatus"] == "UNKNOWN"
    until(lambda: task.describe()["healthStatus"] == "UNHEALTHY", "unhealthy", seconds=20)
    described = task.describe()
    assert (described["lastStatus"], described["desiredStatus"]) == ("RUNNING", "RUNNING")
    assert described["containers"][0]["healthStatus"] == "UNHEALTHY"


def test_a_dependency_that_fails(lab):
    task = lab.start(
        lab.container("exit 9", name="setup", essential=False), lab.container("echo no", **after("setup", "SUCCESS"))
    )
    stopped = task.stopped()
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert "setup" in stopped["stoppedReason"]
    containers = {one["name"]: one for one in stopped["containers"]}
    assert containers["setup"]["exitCode"] == 9
    assert "exitCode" not in containers["app"]
    assert task.lines() == []


def test_a_dependency_that_takes_too_long(lab):
    """Its own startTimeout bounds how long others wait for it."""
    task = lab.start(
        lab.container(SLEEP, name="never", healthCheck=HEALTHY | {"retries": 9}, startTimeout=2),
        lab.container("echo no", **after("never", "HEALTHY")),
    )
    stopped = task.stopped()
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert "never" in stopped["stoppedReason"]
    assert task.lines() == []


def test_the_images_own_check_is_ignored(lab):
    """As on ECS: only the task definition's counts."""
    check = {"Test": ["CMD-SHELL", "false"], "Interval": 1_000_000_000, "Retries": 1}
    image = lab.push("checked", [images.busybox_layer()], {"Healthcheck": check})
    task = lab.start(lab.container(SLEEP, image=image))
    assert task.running()["healthStatus"] == "UNKNOWN"
    time.sleep(1.2)
    assert task.describe()["containers"][0]["healthStatus"] == "UNKNOWN"


def test_the_essential_end_ends_the_others(lab):
    """The rest gets the stop signal; what ends by itself keeps its own code, what doesn't is killed."""
    image = lab.push("usr1", [images.busybox_layer()], {"StopSignal": "SIGUSR1"})
    task = lab.start(
        lab.container("trap 'echo term; exit 5' TERM; while true; do sleep 0.05; done", name="polite"),
        lab.container("trap 'echo usr1; exit 6' USR1; while true; do sleep 0.05; done", name="own", image=image),
        lab.container("trap '' TERM; while true; do sleep 0.05; done", name="stubborn", stopTimeout=2),
        lab.container("exec sleep 1000", name="dies", linuxParameters={"initProcessEnabled": True}),
        lab.container("sleep 0.5; exit 3"),
    )
    stopped = task.stopped()
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (
        "EssentialContainerExited", "Essential container in task exited"
    )
    codes = {one["name"]: one["exitCode"] for one in stopped["containers"]}
    assert codes == {"polite": 5, "own": 6, "stubborn": 137, "dies": 143, "app": 3}
    assert (task.lines("polite"), task.lines("own")) == (["term"], ["usr1"])
    took = stopped["executionStoppedAt"] - stopped["stoppingAt"]
    assert 1.5 < took.total_seconds() < 4


def test_the_end_of_the_inessential_changes_nothing(lab):
    task = lab.start(lab.container("exit 2", name="side", essential=False), lab.container(SLEEP))
    task.running()
    until(lambda: task.containers()["side"]["lastStatus"] == "STOPPED", "the side container ends")
    described = task.describe()
    assert (described["lastStatus"], described["containers"][0]["exitCode"]) == ("RUNNING", 2)
    task.stop()
    stopped = task.stopped()
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "Task stopped by user")


def test_containers_stop_in_reverse_order(lab):
    """The database outlives the application that depends on it."""
    patient = "trap 'sleep 0.4; echo gone; exit 0' TERM; while true; do sleep 0.05; done"
    task = lab.start(lab.container(patient, name="db"), lab.container(patient, **after("db", "START")))
    task.running()
    task.stop()
    task.stopped()
    gone = {}
    for name in ("db", "app"):
        events = lab.logs.get_log_events(logGroupName="/tests/lab", logStreamName=f"lab/{name}/{task.id}")["events"]
        gone[name] = events[-1]["timestamp"]
    assert gone["app"] + 300 < gone["db"]


def test_signals_that_kill(lab):
    task = lab.start(
        lab.container("exec sh -c 'kill -SEGV $$; sleep 5'", name="segv", essential=False,
                      linuxParameters={"initProcessEnabled": True}),
        lab.container("sleep 0.5"),
    )
    assert {one["name"]: one["exitCode"] for one in task.stopped()["containers"]}["segv"] == 139


def test_a_restart_policy(lab):
    """An exit before the attempt period is up is not restarted; nor is one with an ignored code."""
    policy = {"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [4]}
    task = lab.start(lab.container("echo once; exit 1", restartPolicy=policy))
    stopped = task.stopped()
    assert (stopped["stopCode"], task.lines()) == ("EssentialContainerExited", ["once"])
    body = lab.ecs.describe_task_definition(taskDefinition=task.definition)["taskDefinition"]
    assert body["containerDefinitions"][0]["restartPolicy"] == policy


def test_versions_and_times(lab):
    """1 PROVISIONING, 2 PENDING, 3 RUNNING, and on from there; the times never go back."""
    short = lab.start(lab.container("sleep 0.5"))
    assert short.running()["version"] == 3
    assert short.stopped()["version"] == 5
    definition = lab.define(lab.container(SLEEP))
    task = lab.launch(definition)
    running = task.running()
    task.stop()
    last = task.stopped()
    # Its wish to stop is a version of its own; STOPPING is one where it was observed before the end was.
    assert running["version"] == 3 and last["version"] in (6, 7)
    order = ["createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"]
    times = [last[name] for name in order]
    assert times == sorted(times)
    assert last["createdAt"] <= last["connectivityAt"] <= last["startedAt"]
    family = definition.split("/")[1].split(":")[0]
    assert lab.ecs.list_tasks(family=family)["taskArns"] == []
    # Of its family: all stopped tasks of a shared server are more than a page.
    assert lab.ecs.list_tasks(family=family, desiredStatus="STOPPED")["taskArns"] == [task.arn]
    task.stop(reason="again")
    assert task.describe()["stoppedReason"] == "Task stopped by user"


def test_a_stop_before_the_start(lab):
    """A task that is stopped while it starts never shows RUNNING as its end."""
    definition = lab.define(lab.container(SLEEP, stopTimeout=2))
    task = lab.launch(definition)
    task.stop(reason="changed my mind")
    stopped = task.stopped()
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "changed my mind")


def test_pseudo_terminals_and_open_input(lab):
    lines = lab.run_each({
        "plain": {"script": "test -t 1 && echo terminal || echo pipe; cat; echo end"},
        "terminal": {"script": "test -t 1 && echo terminal || echo pipe", "pseudoTerminal": True},
    })
    assert lines == {"plain": ["pipe", "end"], "terminal": ["terminal\r"]}
    task = lab.start(lab.container("read line; echo ended", interactive=True, stopTimeout=2))
    task.running()
    time.sleep(0.3)
    assert task.describe()["lastStatus"] == "RUNNING"
    assert task.lines() == []


def test_overrides_must_name_containers(lab):
    definition = lab.define(lab.container("true"))
    try:
        lab.launch(definition, overrides={"containerOverrides": [{"name": "other"}]})
        raise AssertionError("taken")
    except ClientError as error:
        assert error.response["Error"]["Message"] == (
            "Override for container named other is not a container in the TaskDefinition."
        )
