"""Waits for what can only be observed from outside."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(observe: Callable[[], T], what: str, seconds: float = 30, every: float = 0.05) -> T:
    """The first truthy observation."""
    deadline = time.monotonic() + seconds
    seen = observe()
    while not seen:
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}; last seen: {seen!r}")
        time.sleep(every)
        seen = observe()
    return seen


def task_status(ecs, task: str, status: str, cluster: str = "default", seconds: float = 30) -> dict:
    """Waits until DescribeTasks reports the status, and answers with the task. A task that stopped instead fails."""
    last = {}

    def observe():
        nonlocal last
        last = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]
        if last["lastStatus"] == "STOPPED" and status != "STOPPED":
            reasons = [last.get("stoppedReason"), *(one.get("reason") for one in last["containers"])]
            raise AssertionError(f"the task stopped: {reasons}")
        return last["lastStatus"] == status

    until(observe, f"task {task} {status}", seconds)
    return last
