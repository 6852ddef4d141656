"""Services on the whole program: how soon a killed task is replaced, and what a rolling update costs those who ask."""

import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conftest import execution_role_of, pusher  # noqa: E402
from load import Load  # noqa: E402
from service_lab import ServiceLab, container_processes  # noqa: E402
from waiting import until  # noqa: E402

TASKS, RATE = 10, 200


def lab_of(server, folder: Path) -> ServiceLab:
    """The benchmarks of one server share a laboratory."""
    if server not in LABS:
        LABS[server] = make_lab(server, folder)
    return LABS[server]


LABS: dict = {}


def make_lab(server, folder: Path) -> ServiceLab:
    made = {}

    def client(service: str):
        return made.setdefault(service, server.client(service))

    folder.mkdir(parents=True, exist_ok=True)
    return ServiceLab(client, execution_role_of(client), pusher(server, client), folder)


def run_killed_task(server, folder: Path, say) -> None:
    """SIGKILL of a task's process: until another one is RUNNING, and until the load balancer sends it requests."""
    lab = lab_of(server, folder)
    service, balancer, target_group = lab.website(count=1, definition=lab.plain_website())
    took = {"seen": [], "running": [], "serving": []}
    for _ in range(10):
        (victim,) = service.tasks()
        task_of = balancer.get("/").split()[3]
        started = time.perf_counter()
        for process in container_processes(victim):
            os.kill(process, 9)
        for name, happened in {
            "seen": lambda: victim["taskArn"] not in [task["taskArn"] for task in service.tasks()],
            "running": lambda: [one for one in service.tasks() if one["lastStatus"] == "RUNNING" and one["taskArn"] != victim["taskArn"]],
            "serving": lambda: (page := balancer.curl("/").stdout).startswith("version") and page.split()[3] != task_of,
        }.items():
            until(happened, name, every=0.002)
            took[name].append((time.perf_counter() - started) * 1e3)
        lab.healthy(target_group, 1)
    for name, values in took.items():
        say(f"killed task: {name}, median of {len(values)}", sorted(values)[len(values) // 2], "ms")
        say(f"killed task: {name}, slowest", max(values), "ms")
    lab.clean()


def run_rollout(server, folder: Path, say) -> None:
    """Ten tasks, 200 requests a second over HTTP/1.1 and HTTP/2, a WebSocket that is held."""
    lab = lab_of(server, folder)
    service, balancer, target_group = lab.website(count=TASKS)
    certificate = lab.client("acm").request_certificate(DomainName=balancer.host)["CertificateArn"]
    balancer.listener(target_group, "HTTPS", 443, Certificates=[{"CertificateArn": certificate}])
    # The WebSocket is held on a service that isn't updated: a drained target may close it, as on AWS.
    for round_ in range(3):
        with Load(balancer.host, rate=RATE, secure_port=443, websocket=None) as load:
            started = time.perf_counter()
            service.update(taskDefinition=lab.define(str(round_ + 2)))
            service.stable(120)
            took = time.perf_counter() - started
        say(f"rolling update of {TASKS} tasks: requests", float(load.requests), "")
        say(f"rolling update of {TASKS} tasks: failed or reset", float(len(load.failures)), "")
        say(f"rolling update of {TASKS} tasks: time to steady state (1 s of it draining)", took, "s")
        say(f"rolling update of {TASKS} tasks: p99", load.percentile_ms(0.99), "ms")
        for failure in load.failures[:5]:
            say("failure", failure)
    lab.clean()
