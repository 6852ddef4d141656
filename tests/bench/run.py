"""Prints the numbers that SPECIFICATION.md promises, and those of peers taken in the same run.

    cargo xtask bench [NAME ...]

Each benchmark prints one line per figure: name, value, unit. Nothing here fails on a slow machine: numbers are read by people.
"""

import base64
import concurrent.futures
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

import balancer  # noqa: E402
import events  # noqa: E402
import images  # noqa: E402
import metrics_store  # noqa: E402
import measuring  # noqa: E402
import network  # noqa: E402
import scaling  # noqa: E402
import services  # noqa: E402
from neargate_server import Server  # noqa: E402

SECONDS_OF_LOAD = 6
CONNECTIONS = 64
IMAGE_BYTES = 200 * 1000 * 1000


def say(name: str, value: float | str, unit: str = "") -> None:
    text = value if isinstance(value, str) else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
    print(f"{name:<58} {text:>12} {unit}", flush=True)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Api:
    """Signed calls over one kept connection: little enough client for the server to be what is measured."""

    def __init__(self, server: Server):
        variables = server.environment()
        self.credentials = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
        self.endpoint = variables["AWS_ENDPOINT_URL"]
        self.region = variables["AWS_REGION"]
        self.local = threading.local()

    def signed(self, service: str, target: str, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        request = AWSRequest("POST", self.endpoint + "/", data=body, headers=headers)
        SigV4Auth(self.credentials, service, self.region).add_auth(request)
        return dict(request.headers)

    def send(self, headers: dict[str, str], body: bytes) -> dict:
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=120)
            self.local.connection = connection
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        document = json.loads(response.read() or b"{}")
        if response.status != 200:
            raise RuntimeError(f"{response.status}: {document}")
        return document

    def ecs(self, operation: str, **parameters) -> dict:
        body = json.dumps(parameters).encode()
        target = f"AmazonEC2ContainerServiceV20141113.{operation}"
        return self.send(self.signed("ecs", target, body), body)


class Bench:
    """A server with an image, a role and a task definition."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.server = Server(folder / "data")
        self.server.up()
        # Before anything was asked of it, and after what it does at its start.
        time.sleep(2)
        self.idle_mib = resident_mib(self.server.process.pid, "Rss")
        self.api = Api(self.server)
        self.network = self._network()
        self.role = self._role()
        self.image = self._image()

    def _network(self) -> dict:
        ec2 = self.server.client("ec2")
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        return {"awsvpcConfiguration": {"subnets": subnets, "assignPublicIp": "ENABLED"}}

    def _role(self) -> str:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam = self.server.client("iam")
        return iam.create_role(RoleName="bench", AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def _image(self) -> str:
        archive = self.folder / "busybox.tar"
        images.oci_archive(archive, [images.busybox_layer()])
        return self.push(archive, "busybox")

    def password(self) -> str:
        data = self.server.client("ecr").get_authorization_token()["authorizationData"][0]
        return base64.b64decode(data["authorizationToken"]).decode().split(":", 1)[1]

    def push(self, archive: Path, name: str) -> str:
        repository = self.server.client("ecr").create_repository(repositoryName=name)["repository"]
        uri = f"{repository['repositoryUri']}:latest"
        images.skopeo_copy(f"oci-archive:{archive}", f"docker://{uri}", self.password())
        return uri

    def define(self, family: str, command: list[str], **more) -> str:
        container = {"name": "main", "image": self.image, "command": command, "stopTimeout": 2, **more}
        definition = self.api.ecs(
            "RegisterTaskDefinition", family=family, requiresCompatibilities=["FARGATE"], networkMode="awsvpc",
            cpu="256", memory="512", executionRoleArn=self.role, containerDefinitions=[container],
        )
        return definition["taskDefinition"]["taskDefinitionArn"]

    def run(self, definition: str, count: int = 1) -> list[str]:
        answer = self.api.ecs(
            "RunTask", taskDefinition=definition, launchType="FARGATE", count=count, networkConfiguration=self.network
        )
        if answer["failures"]:
            raise RuntimeError(answer["failures"])
        return [task["taskArn"] for task in answer["tasks"]]

    def statuses(self, arns: list[str]) -> list[str]:
        found = []
        for start in range(0, len(arns), 100):
            found += self.api.ecs("DescribeTasks", tasks=arns[start:start + 100])["tasks"]
        for task in found:
            if task["lastStatus"] == "STOPPED" and task.get("stopCode") != "UserInitiated":
                raise RuntimeError(f"{task['stoppedReason']} {task['containers']}")
        return [task["lastStatus"] for task in found]

    def await_all(self, arns: list[str], status: str, pause: float = 0.001) -> None:
        while any(seen != status for seen in self.statuses(arns)):
            time.sleep(pause)

    def stop(self, arns: list[str]) -> None:
        for arn in arns:
            self.api.ecs("StopTask", task=arn)

    def end(self) -> None:
        self.server.down()


PAUSE = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]


def bench_runtask(bench: Bench) -> None:
    """RunTask to RUNNING, one after another."""
    definition = bench.define("latency", PAUSE)
    bench.await_all(bench.run(definition), "RUNNING")
    took = []
    for _ in range(100):
        started = time.perf_counter()
        arns = bench.run(definition)
        bench.await_all(arns, "RUNNING", 0.0005)
        took.append((time.perf_counter() - started) * 1000)
        bench.stop(arns)
        bench.await_all(arns, "STOPPED")
    say("RunTask to RUNNING, median", statistics.median(took), "ms")
    say("RunTask to RUNNING, p99", percentile(took, 0.99), "ms")


def bench_burst(bench: Bench) -> None:
    """100 tasks at once, and their end."""
    definition = bench.define("burst", PAUSE)
    bench.await_all(bench.run(definition), "RUNNING")
    rates, stops = [], []
    for _ in range(3):
        started = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            arns = [arn for batch in pool.map(lambda _: bench.run(definition, 10), range(10)) for arn in batch]
        bench.await_all(arns, "RUNNING", 0.005)
        rates.append(100 / (time.perf_counter() - started))
        started = time.perf_counter()
        bench.stop(arns)
        bench.await_all(arns, "STOPPED", 0.005)
        stops.append(time.perf_counter() - started)
    say("100 tasks at once, median of 3", statistics.median(rates), "tasks/s")
    say("stopping and cleaning up 100 tasks, median of 3", statistics.median(stops), "s")


def resident_mib(pid: int, field: str = "Pss") -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{field}:")) / 1024


def supervisors() -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().startswith("neargate-task"):
                found.append(int(folder.name))
        except OSError:
            pass
    return found


def bench_memory(bench: Bench) -> None:
    """The server without work, and what each task adds beside its own processes."""
    pid = bench.server.process.pid
    say("server idle after its start, resident", bench.idle_mib, "MiB")
    say("server now, resident", resident_mib(pid, "Rss"), "MiB")
    before, others = resident_mib(pid), set(supervisors())
    definition = bench.define("memory", PAUSE)
    arns = [arn for _ in range(5) for arn in bench.run(definition, 10)]
    bench.await_all(arns, "RUNNING", 0.01)
    mine = [one for one in supervisors() if one not in others]
    own = sum(resident_mib(one) for one in mine)
    say("per running task: its supervisor (PSS)", own / len(arns), "MiB")
    say("per running task: growth of the server (PSS)", (resident_mib(pid) - before) / len(arns), "MiB")
    bench.stop(arns)
    bench.await_all(arns, "STOPPED", 0.01)


def wrk(bench: Bench, name: str, target: str, body: bytes) -> None:
    """64 kept connections that send one signed request again and again: a signature holds for five minutes."""
    headers = bench.api.signed("ecs", f"AmazonEC2ContainerServiceV20141113.{target}", body)
    script = bench.folder / "wrk.lua"
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{body.decode()}]==]"]
    lines += [f'wrk.headers["{key}"] = [==[{value}]==]' for key, value in headers.items()]
    lines += ['done = function(summary, latency, requests)',
              'io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration, '
              'latency:percentile(50), summary.errors.status)) end']
    script.write_text("\n".join(lines))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS_OF_LOAD}s", "--latency", "-s", script, bench.api.endpoint]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = next(line for line in output.splitlines() if line.startswith("RESULT")).split()
    requests, micros, median, errors = (int(word) for word in result[1:])
    if errors:
        say(f"{name}: refused", float(errors), "requests")
    say(name, requests / (micros / 1e6), "requests/s")
    say(f"{name}, median", median / 1000, "ms")


def bench_api(bench: Bench) -> None:
    """Reads and durable writes with 64 signed clients."""
    definition = bench.define("api", PAUSE)
    arns = bench.run(definition)
    bench.await_all(arns, "RUNNING")
    wrk(bench, "DescribeTasks, 64 clients", "DescribeTasks", json.dumps({"tasks": arns}).encode())
    container = {"name": "main", "image": "busybox", "command": ["true"], "essential": True}
    body = {"family": "load", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
            "memory": "512", "containerDefinitions": [container]}
    wrk(bench, "RegisterTaskDefinition (durable), 64 clients", "RegisterTaskDefinition", json.dumps(body).encode())
    bench.stop(arns)
    bench.await_all(arns, "STOPPED")


def big_archive(bench: Bench) -> Path:
    archive = bench.folder / "big.tar"
    if not archive.exists():
        layers = [images.busybox_layer()]
        layers += [images.file_layer(f"data{part}", os.urandom(IMAGE_BYTES // 4)) for part in range(4)]
        images.oci_archive(archive, layers, compress=False)
    return archive


def timed(command: list) -> float:
    started = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return time.perf_counter() - started


def bench_registry(bench: Bench) -> None:
    """Push and pull of 200 MB with skopeo, then the cold start of a task of it; Debian's docker-registry beside it."""
    archive = big_archive(bench)
    repository = bench.server.client("ecr").create_repository(repositoryName="big")["repository"]["repositoryUri"]
    skopeo = ["skopeo", "copy", "--quiet"]
    credentials = f"AWS:{bench.password()}"
    layout = bench.folder / "layout"
    subprocess.run(["skopeo", "copy", "--quiet", f"oci-archive:{archive}", f"dir:{layout}"], check=True)
    push = [timed([*skopeo, "--dest-creds", credentials, f"dir:{layout}", f"docker://{repository}:{n}"])
            for n in range(1)]
    say("skopeo push of 200 MB to Neargate", IMAGE_BYTES / 1e6 / push[0], "MB/s")
    pulls = []
    for n in range(3):
        shutil.rmtree(bench.folder / "pulled", ignore_errors=True)
        pulls.append(timed([*skopeo, "--src-creds", credentials, f"docker://{repository}:0", f"dir:{bench.folder}/pulled"]))
    say("skopeo pull of 200 MB from Neargate, best of 3", IMAGE_BYTES / 1e6 / min(pulls), "MB/s")
    name = repository.split("/", 1)[1]
    host = ["-H", f"Host: {repository.split('/', 1)[0]}", "-u", credentials]
    curl_blob("Neargate", bench.api.endpoint, name, host, bench.folder)
    peer_registry(bench, layout)
    definition = bench.define("cold", PAUSE, image=f"{repository}:0")
    started = time.perf_counter()
    arns = bench.run(definition)
    bench.await_all(arns, "RUNNING", 0.002)
    say("cold pull to RUNNING of that image", (time.perf_counter() - started) * 1000, "ms")
    peer_podman(bench, f"{repository}:0", credentials)
    bench.stop(arns)
    bench.await_all(arns, "STOPPED")


def curl_blob(name: str, registry: str, repository: str, credentials: list[str], folder: Path) -> None:
    """One blob of 200 MB by curl: a client that only moves bytes, so the registry is what is measured."""
    blob = folder / "blob"
    if not blob.exists():
        blob.write_bytes(os.urandom(IMAGE_BYTES))
    digest = subprocess.run(["sha256sum", blob], capture_output=True, text=True, check=True).stdout.split()[0]
    curl = ["curl", "-fsS", *credentials]
    begin = [*curl, "-X", "POST", "-D", "-", f"{registry}/v2/{repository}/blobs/uploads/"]
    headers = subprocess.run(begin, capture_output=True, text=True, check=True).stdout.splitlines()
    location = next(line.split(":", 1)[1].strip() for line in headers if line.lower().startswith("location:"))
    location = location if location.startswith("http") else registry + location
    joint = "&" if "?" in location else "?"
    octets = ["-H", "Content-Type: application/octet-stream"]
    took = timed([*curl, *octets, "-X", "PUT", "-T", blob, f"{location}{joint}digest=sha256:{digest}"])
    say(f"push of one 200 MB blob to {name}, by curl", IMAGE_BYTES / 1e6 / took, "MB/s")
    pull = [*curl, "-L", "-o", "/dev/null", f"{registry}/v2/{repository}/blobs/sha256:{digest}"]
    say(f"pull of it from {name}, by curl, best of 3", IMAGE_BYTES / 1e6 / min(timed(pull) for _ in range(3)), "MB/s")


def peer_podman(bench: Bench, image: str, credentials: str) -> None:
    """The same image from the same registry, pulled and run by podman with runc and no network."""
    if not shutil.which("podman"):
        return say("podman", "not installed")
    folder = bench.folder / "podman"
    podman = ["podman", "--root", folder / "root", "--runroot", folder / "run", "--cgroup-manager", "cgroupfs",
              "--runtime", "runc"]
    took = timed([*podman, "pull", "--quiet", "--creds", credentials, image])
    took += timed([*podman, "run", "--rm", "--network", "none", "--ulimit", "nofile=1024:1024",
                   "--ulimit", "nproc=4096:4096", image, "true"])
    say("cold pull of it and `true` with podman", took * 1000, "ms")
    subprocess.run(["umount", folder / "root/overlay"], capture_output=True, check=False)


def peer_registry(bench: Bench, layout: Path) -> None:
    if not shutil.which("docker-registry"):
        return say("docker-registry", "not installed")
    from neargate_server import free_port
    port = free_port()
    config = bench.folder / "registry.yml"
    config.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {bench.folder}/peer\n"
                      f"http:\n  addr: 127.0.0.1:{port}\n")
    peer = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).request("GET", "/v2/")
                break
            except OSError:
                time.sleep(0.05)
        plain = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--src-tls-verify=false"]
        took = timed([*plain, f"dir:{layout}", f"docker://127.0.0.1:{port}/big:1"])
        say("skopeo push of 200 MB to docker-registry", IMAGE_BYTES / 1e6 / took, "MB/s")
        shutil.rmtree(bench.folder / "pulled", ignore_errors=True)
        took = timed([*plain, f"docker://127.0.0.1:{port}/big:1", f"dir:{bench.folder}/pulled"])
        say("skopeo pull of 200 MB from docker-registry", IMAGE_BYTES / 1e6 / took, "MB/s")
        curl_blob("docker-registry", f"http://127.0.0.1:{port}", "blob", [], bench.folder)
    finally:
        peer.kill()
        peer.wait()


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench_logs(bench: Bench) -> None:
    """Lines of 20 tasks: how fast they are in the log store, and none is lost."""
    lines, width, tasks = 200_000, 100, 20
    script = f"yes $(head -c {width - 1} /dev/zero | tr '\\0' x) | head -n {lines}; echo last; sleep 3600 & wait"
    options = {"awslogs-group": "/bench", "awslogs-region": bench.api.region, "awslogs-stream-prefix": "b",
               "awslogs-create-group": "true", "mode": "blocking"}
    definition = bench.define("logs", ["sh", "-c", script], logConfiguration={"logDriver": "awslogs", "options": options})
    logs = bench.server.client("logs")
    pid = bench.server.process.pid
    processor, started = processor_seconds(pid), time.perf_counter()
    arns = [arn for _ in range(tasks // 10) for arn in bench.run(definition, 10)]
    bench.await_all(arns, "RUNNING", 0.01)
    waiting = {arn.rsplit("/", 1)[1] for arn in arns}
    while waiting:
        for task in sorted(waiting):
            events = logs.get_log_events(logGroupName="/bench", logStreamName=f"b/main/{task}", limit=1)["events"]
            if events and events[-1]["message"] == "last":
                waiting.discard(task)
    took = time.perf_counter() - started
    say("log lines of 20 tasks, from RunTask to stored", lines * tasks * width / 1e6 / took, "MB/s")
    say("server's processor time for it", (processor_seconds(pid) - processor) / took, "cores")
    bench.stop(arns)
    bench.await_all(arns, "STOPPED", 0.01)
    for _ in range(2):
        started = time.perf_counter()
        logs.filter_log_events(logGroupName="/bench", filterPattern="last", limit=100)
        took = time.perf_counter() - started
    say(f"FilterLogEvents for a word in {lines * tasks / 1e6:.0f} million lines, first page", took * 1000, "ms")


def bench_ready(bench: Bench) -> None:
    """From the start of the program to its ready line: an empty data directory, and this used one."""
    took = []
    for n in range(5):
        server = Server(bench.folder / f"empty{n}")
        started = time.perf_counter()
        server.up()
        took.append((time.perf_counter() - started) * 1000)
        server.down()
    say("ready on an empty data directory, median of 5", statistics.median(took), "ms")
    container = {"name": "main", "image": "busybox", "command": ["true"], "essential": True}
    body = {"family": "full", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
            "memory": "512", "containerDefinitions": [container]}
    payload = json.dumps(body).encode()
    headers = bench.api.signed("ecs", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", payload)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: bench.api.send(headers, payload), range(10_000)))
    bench.server.terminate()
    took = []
    for _ in range(5):
        started = time.perf_counter()
        bench.server.up()
        took.append((time.perf_counter() - started) * 1000)
        bench.server.terminate()
    say("ready with 10,000 and more task definitions, median of 5", statistics.median(took), "ms")
    bench.server.up()


def bench_balancer(bench: Bench) -> None:
    """The balancer beside HAProxy and nginx: one core for the proxy, one for client and target."""
    balancer.run(fresh(bench, "balancer"), say)


def bench_configuration(bench: Bench) -> None:
    """1,000 target groups, 10,000 targets, 1,000 rules: a change's way into effect, and a request's cost."""
    balancer.run_configuration(fresh(bench, "configuration"), say)


def bench_killed(bench: Bench) -> None:
    """SIGKILL of a service's only task behind a load balancer, until another one serves."""
    services.run_killed_task(bench.server, fresh(bench, "killed"), say)


def bench_rollout(bench: Bench) -> None:
    """A rolling update of ten tasks while 200 requests a second come in."""
    services.run_rollout(bench.server, fresh(bench, "rollout"), say)


def bench_measuring(bench: Bench) -> None:
    """What the server spends on measuring 200 idle tasks of a service each second."""
    measuring.run(bench.server, fresh(bench, "measuring"), say)


def bench_rules(bench: Bench) -> None:
    """A change of a security group at 200 tasks, with 10, 1,000 and 10,000 rules in the VPC."""
    network.run_rules(bench, say)


def bench_network(bench: Bench) -> None:
    """Traffic between two tasks, beside two namespaces on a bridge without rules."""
    network.run_traffic(bench, say)


def bench_eni(bench: Bench) -> None:
    """500 interfaces made and removed in one VPC."""
    network.run_eni(bench, say)


def bench_trigger(bench: Bench) -> None:
    """A load step on a service with target tracking: until its desired count rises, and until another task serves."""
    scaling.run_trigger(bench.server, fresh(bench, "trigger"), say)


def bench_planner(bench: Bench) -> None:
    """One pass over 5,000 services with 100,000 tasks."""
    command = ["cargo", "run", "--release", "--quiet", "--package", "control-plan", "--example", "plan_services"]
    print(subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent.parent).stdout, end="")


def bench_metrics(bench: Bench) -> None:
    """Ten million points of a day: how fast they are stored and read, and how small they get; two peers beside it."""
    metrics_store.run(fresh(bench, "metrics"), say)


def fresh(bench: Bench, name: str) -> Path:
    folder = bench.folder / name
    folder.mkdir()
    return folder


def bench_events(bench: Bench) -> None:
    """Event patterns: what an event costs, however many rules there are."""
    events.patterns(say)


BENCHES = {name.removeprefix("bench_"): value for name, value in list(globals().items()) if name.startswith("bench_")}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(BENCHES)}")
    folder = Path(tempfile.mkdtemp(prefix="neargate-bench-"))
    bench = Bench(folder)
    try:
        for name in wanted:
            print(f"-- {name}: {BENCHES[name].__doc__}", flush=True)
            BENCHES[name](bench)
    finally:
        bench.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
