"""The network of tasks: what a change of rules costs at many tasks, what a task's traffic costs, and what an interface costs.

Traffic is made by workload/traffic.c, compiled here, which runs in the network namespaces of two tasks and, in turns with them, in
two plain namespaces with veth pairs on a bridge and no rule at all.
"""

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import images  # noqa: E402
import workload_image  # noqa: E402
from vpc_lab import PROBE, Agent, ip  # noqa: E402
from waiting import until  # noqa: E402

TASKS = 200
RULES = (10, 1_000, 10_000)
RULES_PER_GROUP = 60
GROUPS_PER_TASK = 5
CHANGES = 15
WAIT_MS = 20_000
SOURCE = HERE.parent / "workload/traffic.c"
PORT = 5900
ROUNDS, ROUND_MS = 7, 1_000
PAUSE = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]


class Tasks:
    """Tasks of the benchmark's server, in the default VPC, with groups of their own."""

    def __init__(self, bench):
        self.bench, self.ec2 = bench, bench.server.client("ec2")
        subnet = self.ec2.describe_subnets()["Subnets"][0]
        self.vpc, self.subnet = subnet["VpcId"], subnet["SubnetId"]
        self.arns: list[str] = []

    def group(self, name: str) -> str:
        name = f"bench-{name}-{time.monotonic_ns():x}"
        return self.ec2.create_security_group(GroupName=name, Description="bench", VpcId=self.vpc)["GroupId"]

    def run(self, definition: str, groups: list[str], count: int = 1) -> list[str]:
        network = {"awsvpcConfiguration": {"subnets": [self.subnet], "securityGroups": groups, "assignPublicIp": "DISABLED"}}
        answer = self.bench.api.ecs(
            "RunTask", taskDefinition=definition, launchType="FARGATE", count=count, networkConfiguration=network)
        if answer["failures"]:
            raise RuntimeError(answer["failures"])
        arns = [task["taskArn"] for task in answer["tasks"]]
        self.arns += arns
        return arns

    def address(self, arn: str) -> str:
        (task,) = self.bench.api.ecs("DescribeTasks", tasks=[arn])["tasks"]
        return next(one["value"] for one in task["attachments"][0]["details"] if one["name"] == "privateIPv4Address")

    def prober(self, groups: list[str]) -> Agent:
        archive = self.bench.folder / "probe.tar"
        layers = [images.busybox_layer(), workload_image.python_layer(), images.file_layer("app/probe.py", PROBE.read_bytes())]
        images.oci_archive(archive, layers, {"Env": ["PATH=/bin:/usr/bin"]})
        definition = self.bench.define(
            "prober", ["/usr/bin/python", "-I", "-S", "/app/probe.py"], image=self.bench.push(archive, f"probe-{time.monotonic_ns():x}"))
        (arn,) = self.run(definition, groups)
        self.bench.await_all([arn], "RUNNING", 0.01)
        return Agent(namespace(arn, b"probe.py"))

    def end(self) -> None:
        self.bench.stop(self.arns)
        self.bench.await_all(self.arns, "STOPPED", 0.02)


def namespace(arn: str, command: bytes) -> str:
    """The network namespace of a task, by one of its processes."""
    def find() -> str | None:
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    if command in (process / "cmdline").read_bytes() and arn.rsplit("/", 1)[1] in (process / "cgroup").read_text():
                        return str(process / "ns/net")
                except OSError:
                    continue
        return None
    return until(find, f"a process of {arn}", seconds=30)


def run_rules(bench, say) -> None:
    """A rule added, then taken away again: until each of 200 interfaces obeys it, as packets show."""
    tasks = Tasks(bench)
    common, asking = tasks.group("common"), tasks.group("asking")
    fillers = [tasks.group(f"filler-{number}") for number in range(-(-RULES[-1] // RULES_PER_GROUP))]
    definition = bench.define("rules", PAUSE)
    per_task = GROUPS_PER_TASK - 1
    for number in range(TASKS):
        chosen = {fillers[(number * per_task + place) % len(fillers)] for place in range(per_task)}
        tasks.run(definition, [common, *sorted(chosen)])
    bench.await_all(tasks.arns, "RUNNING", 0.02)
    addresses = [tasks.address(arn) for arn in tasks.arns]
    prober = tasks.prober([asking])
    permission = [{"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "UserIdGroupPairs": [{"GroupId": asking}]}]
    made = 0
    for wanted in RULES:
        while made < wanted:
            made += fill(tasks.ec2, fillers[made // RULES_PER_GROUP], min(RULES_PER_GROUP, wanted - made))
        # What was just written must have arrived before anything is measured.
        change(tasks.ec2, "authorize", common, permission, prober, addresses)
        took = {"call": [], "first": [], "every": []}
        for _ in range(CHANGES):
            tasks.ec2.revoke_security_group_ingress(GroupId=common, IpPermissions=permission)
            until(lambda: prober.ask([["icmp", addresses[-1], 0, 100]]) == [None], "it is closed", seconds=20)
            for name, value in change(tasks.ec2, "authorize", common, permission, prober, addresses).items():
                took[name].append(value * 1e3)
        tasks.ec2.revoke_security_group_ingress(GroupId=common, IpPermissions=permission)
        until(lambda: prober.ask([["icmp", addresses[-1], 0, 100]]) == [None], "it is closed", seconds=20)
        title = f"a rule at {wanted:,} rules and {TASKS} tasks:"
        say(f"{title} the call, median of {CHANGES}", statistics.median(took["call"]), "ms")
        say(f"{title} at the first interface", statistics.median(took["first"]), "ms")
        say(f"{title} at every interface", statistics.median(took["every"]), "ms")
        say(f"{title} at every interface, slowest", max(took["every"]), "ms")
    prober.close()
    tasks.end()


def change(ec2, verb: str, group: str, permission: list[dict], prober: Agent, addresses: list[str]) -> dict[str, float]:
    """The prober pings already when the call is sent; both read this machine's monotonic clock."""
    prober.send({"pinged": [addresses, WAIT_MS]})
    time.sleep(0.1)
    sent = time.monotonic()
    getattr(ec2, f"{verb}_security_group_ingress")(GroupId=group, IpPermissions=permission)
    answered = time.monotonic()
    seen = prober.receive()
    if None in seen:
        raise RuntimeError(f"{seen.count(None)} of {len(seen)} interfaces never obeyed the rule")
    return {"call": answered - sent, "first": min(seen) - sent, "every": max(seen) - sent}


def fill(ec2, group: str, count: int) -> int:
    """Rules for many hosts and ports, none of which lets the prober in."""
    present = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    start = sum(len(one["IpRanges"]) for one in present)
    count = min(count, RULES_PER_GROUP - start)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 1000 + place, "ToPort": 1000 + place, "IpRanges": [{"CidrIp": f"192.0.2.{place}/32"}]}
        for place in range(start, start + count)])
    return count


class Pair:
    """Two namespaces, a server in one, clients in the other."""

    def __init__(self, program: Path, client: str, server: str, address: str):
        self.program, self.client, self.address = program, client, address
        self.process = subprocess.Popen(
            ["nsenter", f"--net={server}", program, "serve", str(PORT)], stdout=subprocess.PIPE, start_new_session=True)
        if self.process.stdout.readline() != b"up\n":
            raise RuntimeError("the traffic's server doesn't start")

    def measure(self, kind: str) -> float:
        command = ["nsenter", f"--net={self.client}", self.program, kind, self.address, str(PORT), str(ROUND_MS)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


class Bridge:
    """Two plain namespaces on a bridge: what the kernel does without us."""

    def __init__(self):
        self.name = f"ngbr{os.getpid() % 100000}"
        self.names = [f"{self.name}{letter}" for letter in "xy"]

    def __enter__(self) -> "Bridge":
        # The bridge has a namespace of its own as well: the host's firewall, if any, must not meet its frames.
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "add", "br0", "mtu", "9001", "type", "bridge")
        ip("-n", self.name, "link", "set", "br0", "up")
        for place, name in enumerate(self.names):
            ip("netns", "add", name)
            ip("-n", self.name, "link", "add", f"p{place}", "mtu", "9001", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("-n", self.name, "link", "set", f"p{place}", "master", "br0", "up")
            ip("-n", name, "link", "set", "eth0", "mtu", "9001", "up")
            ip("-n", name, "address", "add", f"192.0.2.{place + 1}/24", "dev", "eth0")
        return self

    def __exit__(self, *_) -> None:
        for name in [*self.names, self.name]:
            ip("netns", "delete", name, check=False)


def run_traffic(bench, say) -> None:
    """Throughput, connections and round trips between two tasks, in turns with the bridge."""
    if not shutil.which("cc"):
        return say("traffic between tasks", "no C compiler")
    program = bench.folder / "traffic"
    subprocess.run(["cc", "-O2", "-o", program, SOURCE], check=True)
    tasks = Tasks(bench)
    group = tasks.group("traffic")
    tasks.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT + 1, "UserIdGroupPairs": [{"GroupId": group}]}])
    client, server = tasks.run(bench.define("traffic", PAUSE), [group], count=2)
    bench.await_all([client, server], "RUNNING", 0.01)
    with Bridge() as bridge:
        pairs = {
            "tasks": Pair(program, namespace(client, b"sleep"), namespace(server, b"sleep"), tasks.address(server)),
            "bridge": Pair(program, f"/run/netns/{bridge.names[0]}", f"/run/netns/{bridge.names[1]}", "192.0.2.2"),
        }
        try:
            compare(pairs, say)
        finally:
            for pair in pairs.values():
                pair.end()
    tasks.end()


def compare(pairs: dict[str, Pair], say) -> None:
    """Rounds of both follow each other, so that what else the machine does hits both."""
    for kind, title, unit, scale in (
        ("stream", "TCP stream", "Gbit/s", 8e-9), ("connect", "TCP connections", "1/s", 1), ("ping", "round trip in a connection", "µs", 1e-3),
    ):
        values: dict[str, list[float]] = {name: [] for name in pairs}
        for pair in pairs.values():
            pair.measure(kind)
        for _ in range(ROUNDS):
            for name, pair in pairs.items():
                values[name].append(pair.measure(kind) * scale)
        middle = {name: statistics.median(each) for name, each in values.items()}
        say(f"{title}, task to task", middle["tasks"], unit)
        say(f"{title}, veth and bridge without rules", middle["bridge"], unit)
        share = middle["bridge"] / middle["tasks"] if kind == "ping" else middle["tasks"] / middle["bridge"]
        say(f"{title}, tasks' share of the bridge's", share * 100, "%")


def run_eni(bench, say) -> None:
    """500 interfaces in one VPC, one after another, and the share that one has in a task's start."""
    profile = ["--release"] if "release" in os.environ.get("NEARGATE_BIN", "release") else []
    command = ["cargo", "run", *profile, "--quiet", "--package", "node-network", "--example", "interface_churn"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent.parent)
    figures = {}
    for name, value in re.findall(r"^(.+?): ([\d.]+) ms$", done.stdout, re.MULTILINE):
        figures[name] = float(value)
        say(f"interface: {name}", figures[name], "ms")
    definition = bench.define("start", PAUSE)
    took = []
    for _ in range(50):
        started = time.perf_counter()
        arns = bench.run(definition)
        bench.await_all(arns, "RUNNING", 0.0005)
        took.append((time.perf_counter() - started) * 1000)
        bench.stop(arns)
        bench.await_all(arns, "STOPPED")
    start = statistics.median(took)
    say("a task's start, median of 50", start, "ms")
    say("share of it that is its interface", figures["create, median"] / start * 100, "%")


