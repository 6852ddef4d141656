"""The store of metrics: ingestion, bytes on disk and reads, on one core each; VictoriaMetrics and Prometheus with the same points beside it."""

import http.client
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

from neargate_server import free_port  # noqa: E402

POINTS = 6_944 * 1_440
CORE = ["taskset", "-c", "0"]


def program() -> Path:
    """The benchmark's own binary: the one that is given, or built here."""
    given = os.environ.get("NEARGATE_BENCH_METRICS")
    if given:
        return Path(given)
    build = ["cargo", "build", "--release", "--quiet", "--package", "state-telemetry", "--example", "bench_metrics"]
    subprocess.run(build, check=True, cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release/examples/bench_metrics"


def run(folder: Path, say) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ours = program()
    lines = subprocess.run([*CORE, ours, "run", folder], capture_output=True, text=True, check=True).stdout
    for line in lines.splitlines():
        figure = json.loads(line)
        say(figure["name"], figure["value"], figure["unit"])
    peer_victoria(ours, folder, say)
    peer_prometheus(ours, folder, say)


def bodies(file: Path):
    with file.open("rb") as source:
        while header := source.read(4):
            yield source.read(struct.unpack("<I", header)[0])


def send(port: int, path: str, file: Path, headers: dict[str, str]) -> float:
    """Seconds that all bodies take over one kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    started = time.perf_counter()
    for body in bodies(file):
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status not in (200, 204):
            raise RuntimeError(f"{response.status}: {text[:200]!r}")
    return time.perf_counter() - started


def ask(port: int, method: str, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path)
    return connection.getresponse().read()


def await_port(port: int, path: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            ask(port, "GET", path)
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the peer doesn't answer")


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def prepare(ours: Path, kind: str, file: Path) -> None:
    subprocess.run([ours, kind, file], check=True)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peer_victoria(ours: Path, folder: Path, say) -> None:
    if not shutil.which("victoria-metrics"):
        return say("VictoriaMetrics", "not installed")
    file, data, port = folder / "text", folder / "victoria", free_port()
    prepare(ours, "text", file)
    command = [*CORE, "victoria-metrics", f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    peer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_port(port, "/health")
        took = send(port, "/api/v1/import/prometheus", file, {})
        say("VictoriaMetrics: ingest of the minutes' points (flushed each second)", POINTS / took, "points/s")
        say("VictoriaMetrics: its processor time", processor_seconds(peer.pid) / POINTS * 1e6, "us/point")
        ask(port, "GET", "/internal/force_flush")
        ask(port, "GET", "/internal/force_merge")
        quiet = smallest(data)
        say("VictoriaMetrics: on disk after merging", quiet / POINTS, "bytes/point")
    finally:
        peer.kill()
        peer.wait()
        file.unlink()
        shutil.rmtree(data, ignore_errors=True)


def smallest(folder: Path) -> int:
    """The size once it no longer changes: merges run in the background."""
    last, same = -1, 0
    deadline = time.monotonic() + 60
    while same < 5 and time.monotonic() < deadline:
        now = size(folder)
        same = same + 1 if now == last else 0
        last = now
        time.sleep(1)
    return last


def peer_prometheus(ours: Path, folder: Path, say) -> None:
    if not shutil.which("prometheus"):
        return say("Prometheus", "not installed")
    file, data, port = folder / "remote-write", folder / "prometheus", free_port()
    prepare(ours, "remote-write", file)
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n")
    command = [*CORE, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
               "--web.enable-remote-write-receiver", "--web.enable-admin-api", "--storage.tsdb.retention.time=100y"]
    peer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_port(port, "/-/ready")
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}
        took = send(port, "/api/v1/write", file, headers)
        say("Prometheus: ingest of the minutes' points (log not flushed)", POINTS / took, "points/s")
        say("Prometheus: its processor time", processor_seconds(peer.pid) / POINTS * 1e6, "us/point")
        ask(port, "POST", "/api/v1/admin/tsdb/snapshot")
        say("Prometheus: on disk as blocks", size(data / "snapshots") / POINTS, "bytes/point")
    finally:
        peer.kill()
        peer.wait()
        file.unlink()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    def show(name: str, value, unit: str = "") -> None:
        print(f"{name:<70} {value if isinstance(value, str) else f'{value:,.2f}':>14} {unit}", flush=True)

    run(Path(sys.argv[1] if len(sys.argv) > 1 else "/tmp/bench-metrics"), show)
