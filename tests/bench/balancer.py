"""The balancer against HAProxy and nginx, on the same work: one core for the proxy, one for the client and what answers.

The balancer is the program's own process, told its configuration over its control socket as the server does, without a VPC: what
is compared is proxying, not interfaces.
"""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

from neargate_server import binary, free_port

CONNECTIONS = 64
SECONDS = 5
IDLE_CONNECTIONS = 1_000
PROXY_CORE, CLIENT_CORE = "0", "1"
BODIES = {"small": b"hello from a target\n", "100 KiB": os.urandom(50 * 1024).hex().encode()}
PATHS = {"small": "/small", "100 KiB": "/large"}
ARN = "arn:aws:elasticloadbalancing:us-east-1:000000000000"
GROUP_ARN = f"{ARN}:targetgroup/bench/0123456789abcdef"
BALANCER_ARN = f"{ARN}:loadbalancer/app/bench/0123456789abcdef"
NOW = 1_700_000_000_000


class Target:
    """nginx with two files: what every proxy stands before."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        root = folder / "www"
        root.mkdir(parents=True)
        for name, body in BODIES.items():
            (root / PATHS[name][1:]).write_bytes(body)
        config = folder / "target.conf"
        config.write_text(
            f"user root; worker_processes 1; daemon off; pid {folder}/target.pid; error_log /dev/null;\n"
            "events { worker_connections 4096; }\n"
            "http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s; sendfile on; open_file_cache max=10;\n"
            f" server {{ listen 127.0.0.1:{self.port}; root {root}; }} }}\n"
        )
        self.process = pinned(CLIENT_CORE, "nginx", "-p", str(folder), "-c", str(config))
        await_port(self.port)

    def end(self) -> None:
        end(self.process)


def pinned(core: str, *command: str, **options) -> subprocess.Popen:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(["taskset", "-c", core, *command], start_new_session=True, **{**quiet, **options})


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def await_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def certificate(folder: Path) -> tuple[Path, Path]:
    key, chain = folder / "key.pem", folder / "chain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
         "-subj", "/CN=bench.internal", "-addext", "subjectAltName=DNS:bench.internal", "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )
    return key, chain


class Haproxy:
    name = "HAProxy"

    def __init__(self, folder: Path, target: int):
        self.plain, self.secure = free_port(), free_port()
        key, chain = certificate(folder)
        both = folder / "both.pem"
        both.write_text(chain.read_text() + key.read_text())
        config = folder / "haproxy.cfg"
        config.write_text(
            "global\n nbthread 1\n maxconn 8192\n tune.ssl.default-dh-param 2048\n"
            "defaults\n mode http\n timeout client 600s\n timeout server 60s\n timeout connect 5s\n option forwardfor\n"
            " http-reuse always\n"
            f"frontend f\n bind 127.0.0.1:{self.plain}\n bind 127.0.0.1:{self.secure} ssl crt {both} alpn h2,http/1.1\n"
            f" default_backend b\nbackend b\n server t 127.0.0.1:{target}\n"
        )
        self.process = pinned(PROXY_CORE, "haproxy", "-db", "-f", str(config))
        await_port(self.secure)
        self.pid = self.process.pid


class Nginx:
    name = "nginx"

    def __init__(self, folder: Path, target: int):
        self.plain, self.secure = free_port(), free_port()
        key, chain = certificate(folder)
        config = folder / "proxy.conf"
        config.write_text(
            f"worker_processes 1; daemon off; master_process off; pid {folder}/proxy.pid; error_log /dev/null;\n"
            "events { worker_connections 8192; }\n"
            "http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s;\n"
            f" upstream t {{ server 127.0.0.1:{target}; keepalive 128; keepalive_requests 100000000; }}\n"
            f" server {{ listen 127.0.0.1:{self.plain}; listen 127.0.0.1:{self.secure} ssl http2;\n"
            f"  ssl_certificate {chain}; ssl_certificate_key {key}; http2_max_requests 100000000;\n"
            "  location / { proxy_pass http://t; proxy_http_version 1.1; proxy_set_header Connection \"\";\n"
            "   proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_buffers 16 32k; } } }\n"
        )
        text = config.read_text()
        tested = subprocess.run(["nginx", "-t", "-p", folder, "-c", config], capture_output=True, text=True, check=False)
        if tested.returncode != 0:
            # Newer releases have no http2_max_requests: keepalive_requests holds for HTTP/2 too.
            config.write_text(text.replace(" http2_max_requests 100000000;", ""))
        self.process = pinned(PROXY_CORE, "nginx", "-p", str(folder), "-c", str(config))
        await_port(self.secure)
        self.pid = self.process.pid


class Neargate:
    name = "Neargate"

    def __init__(self, folder: Path, target: int):
        self.plain, self.secure = free_port(), free_port()
        key, chain = certificate(folder)
        run = folder / "balancer"
        run.mkdir()
        self.control = run / "control.sock"
        command = [str(binary()), "balancer", "--socket", str(self.control), "--state", str(run / "state.json"),
                   "--spool", str(run / "spool"), "--workers", "1"]
        self.process = pinned(PROXY_CORE, *command)
        self.session = Session(self.control)
        self.session.send({"TargetGroup": target_group(target)})
        listeners = [listener("HTTP", self.plain), listener("HTTPS", self.secure, key.read_text(), chain.read_text())]
        self.session.send({"LoadBalancer": load_balancer(listeners)})
        self.session.applied()
        await_port(self.secure)
        self.pid = worker_of(self.process.pid)


class Session:
    """Control's side of the balancer's socket."""

    def __init__(self, path: Path):
        deadline = time.monotonic() + 10
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.mark = 0

    def send(self, message) -> None:
        payload = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(payload)) + payload)

    def receive(self):
        size, = struct.unpack(">I", self._exactly(4))
        return json.loads(self._exactly(size))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise RuntimeError("the balancer closed its control socket")
            data += chunk
        return data

    def applied(self, last: bool = True) -> None:
        """Waits until everything sent so far is in effect."""
        if last:
            self.send("Complete")
        self.mark += 1
        self.send({"Mark": {"revision": self.mark}})
        while True:
            message = self.receive()
            if isinstance(message, dict) and message.get("Applied", {}).get("revision") == self.mark:
                return


def worker_of(pid: int) -> int:
    """The process below the keeper: it is the one that carries traffic."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


def target_group(*ports: int, arn: str = GROUP_ARN) -> dict:
    check = {"protocol": "HTTP", "port": "traffic-port", "path": "/small", "interval_secs": 300, "timeout_secs": 5,
             "healthy_threshold": 5, "unhealthy_threshold": 2, "matcher": "200"}
    targets = [{"id": "127.0.0.1", "address": "127.0.0.1", "port": port, "availability_zone": "us-east-1a",
                "registered_at": NOW, "draining_since": None, "last_health": None} for port in ports]
    return {"arn": arn, "path": arn.rsplit(":", 1)[1], "protocol": "HTTP", "protocol_version": "Http1", "port": 80,
            "target_type": "Ip", "health_check": check, "attributes": {}, "load_balancer_arn": BALANCER_ARN, "targets": targets}


def listener(protocol: str, port: int, key: str = "", chain: str = "", rules: list | None = None) -> dict:
    certificates = [{"arn": f"{ARN}:certificate/1", "chain_pem": chain, "private_key_pem": key}] if key else []
    forward = {"Forward": {"target_groups": [{"arn": GROUP_ARN, "weight": 1}]}}
    return {"arn": f"{ARN}:listener/app/bench/0123456789abcdef/{port:016x}", "protocol": protocol, "port": port,
            "certificates": certificates, "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06" if key else None,
            "alpn_policy": None, "attributes": {}, "rules": rules or [], "default_action": forward}


def load_balancer(listeners: list) -> dict:
    zone = {"availability_zone": "us-east-1a", "subnet_id": "subnet-1", "eni_id": "eni-1", "private_address": "127.0.0.2",
            "public_address": "127.0.0.1", "namespace": ""}
    return {"arn": BALANCER_ARN, "account": "000000000000", "region": "us-east-1", "path": "app/bench/0123456789abcdef",
            "kind": "Application", "scheme": "InternetFacing", "dns_name": "bench.internal", "zones": [zone],
            "attributes": {}, "public_ingress": None, "listeners": listeners}


def wrk(url: str) -> tuple[float, float, int]:
    """Requests per second, p99 in milliseconds, errors."""
    command = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    failed = sum(map(int, errors.groups())) if errors else 0
    return rate, float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit], failed + (int(refused.group(1)) if refused else 0)


def h2load(url: str) -> tuple[float, float, int]:
    """The same over HTTP/2: 64 connections with one stream each, so that the work is that of HTTP/1.1."""
    command = ["taskset", "-c", CLIENT_CORE, "h2load", "-t1", f"-c{CONNECTIONS}", "-m1", "-D", str(SECONDS),
               "--log-file=/dev/stderr", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rate = float(re.search(r"finished in [\d.]+s, ([\d.]+) req/s", done.stdout).group(1))
    failed = int(re.search(r"(\d+) failed", done.stdout).group(1))
    times = sorted(int(line.split("\t")[2]) for line in done.stderr.splitlines() if line.count("\t") == 2)
    return rate, times[int(len(times) * 0.99)] / 1e3 if times else 0.0, failed


def idle_memory(proxy, say) -> None:
    """What 1,000 connections that do nothing cost."""
    before = resident(proxy.pid)
    held = []
    for _ in range(IDLE_CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", proxy.plain))
        connection.sendall(b"GET /small HTTP/1.1\r\nHost: bench.internal\r\n\r\n")
        connection.recv(4096)
        held.append(connection)
    say(f"{proxy.name}: memory per idle connection", (resident(proxy.pid) - before) / IDLE_CONNECTIONS, "KiB")
    for connection in held:
        connection.close()


def resident(pid: int) -> int:
    return int(re.search(r"Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text()).group(1))


def run(folder: Path, say) -> None:
    peers = [kind for kind in (Neargate, Haproxy, Nginx) if kind is Neargate or shutil.which(kind.name.lower())]
    target = Target(folder / "target")
    try:
        for kind in peers:
            own = folder / kind.name.lower()
            own.mkdir()
            proxy = kind(own, target.port)
            try:
                for name, path in PATHS.items():
                    for protocol, url, load in (
                        ("HTTP/1.1", f"http://127.0.0.1:{proxy.plain}{path}", wrk),
                        ("HTTP/1.1 TLS", f"https://127.0.0.1:{proxy.secure}{path}", wrk),
                        ("HTTP/2 TLS", f"https://127.0.0.1:{proxy.secure}{path}", h2load),
                    ):
                        rate, p99, failed = load(url)
                        say(f"{proxy.name}: {protocol}, {name} body", rate, "requests/s")
                        say(f"{proxy.name}: {protocol}, {name} body, p99", p99, "ms")
                        if failed:
                            say(f"{proxy.name}: {protocol}, {name} body, FAILED", float(failed), "requests")
                idle_memory(proxy, say)
            finally:
                end(proxy.process)
    finally:
        target.end()


GROUPS, TARGETS_PER_GROUP, RULES = 1_000, 10, 1_000


def run_configuration(folder: Path, say) -> None:
    """1,000 target groups with 10,000 targets and 1,000 rules on one listener: how long a change takes, and whether a request feels it."""
    target = Target(folder / "target")
    own = folder / "neargate"
    own.mkdir()
    proxy = Neargate(own, target.port)
    try:
        few, _, _ = wrk(f"http://127.0.0.1:{proxy.plain}/small")
        say("requests with 1 target group", few, "requests/s")
        arns = [f"{ARN}:targetgroup/g{n}/{n:016x}" for n in range(GROUPS)]
        rules = [rule(n, arns[n % GROUPS]) for n in range(RULES)]
        started = time.perf_counter()
        for n, arn in enumerate(arns):
            ports = range(10_000 + n % 40_000, 10_000 + n % 40_000 + TARGETS_PER_GROUP)
            # Nobody checks the health of these: they belong to no load balancer.
            proxy.session.send({"TargetGroup": {**target_group(*ports, arn=arn), "load_balancer_arn": None}})
        proxy.session.send({"LoadBalancer": load_balancer([listener("HTTP", proxy.plain, rules=rules)])})
        proxy.session.send({"TargetGroup": target_group(target.port)})
        proxy.session.applied()
        say("1,000 groups, 10,000 targets, 1,000 rules, told at once", (time.perf_counter() - started) * 1e3, "ms")
        changes = {
            "a rule of 1,000 changes": lambda n: {"LoadBalancer": load_balancer([listener("HTTP", proxy.plain, rules=[*rules[:-1], rule(RULES - 1, arns[n])])])},
            "a target of 10,000 changes": lambda n: {"TargetGroup": {**target_group(20_000 + n, arn=arns[n]), "load_balancer_arn": None}},
        }
        for name, change in changes.items():
            took = []
            for n in range(50):
                message = change(n)
                started = time.perf_counter()
                proxy.session.send(message)
                proxy.session.applied(last=False)
                took.append((time.perf_counter() - started) * 1e3)
            took.sort()
            say(f"{name}: in effect, median", took[len(took) // 2], "ms")
            say(f"{name}: in effect, slowest of 50", took[-1], "ms")
        many, _, _ = wrk(f"http://127.0.0.1:{proxy.plain}/small")
        say("requests with 1,000 groups, past 1,000 rules", many, "requests/s")
        proxy.session.send({"LoadBalancer": load_balancer([listener("HTTP", proxy.plain)])})
        proxy.session.applied(last=False)
        many, _, _ = wrk(f"http://127.0.0.1:{proxy.plain}/small")
        say("requests with 1,000 groups, no rules", many, "requests/s")
    finally:
        end(proxy.process)
        target.end()


def rule(number: int, group: str) -> dict:
    return {"arn": f"{ARN}:listener-rule/app/bench/0123456789abcdef/1/{number:016x}", "priority": number + 1,
            "conditions": [{"PathPattern": {"Wildcards": [f"/service-{number}/*"]}}],
            "action": {"Forward": {"target_groups": [{"arn": group, "weight": 1}]}}, "transforms": []}
