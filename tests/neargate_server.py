"""Runs the built program as a user would."""

import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS_MAX = 30
DOWN_SECONDS_MAX = 60


def binary() -> Path:
    """NEARGATE_BIN, or the newest build."""
    given = os.environ.get("NEARGATE_BIN")
    if given:
        return Path(given)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [target / profile / "neargate" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    if not built:
        raise RuntimeError("build the program first: cargo build --package app-cli")
    return max(built, key=lambda path: path.stat().st_mtime)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One data directory, and the server that runs on it. Outlives the server's process: up and down can alternate."""

    def __init__(self, data_dir: Path, *options: str, region: str = "us-east-1"):
        self.data_dir = data_dir
        self.options = options
        self.region = region
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        self.ready_line = ""

    @property
    def endpoint(self) -> str:
        return self.environment()["AWS_ENDPOINT_URL"]

    def up(self) -> "Server":
        """Starts the server and waits for its ready line."""
        log = self.log_path.open("ab")
        listen = f"127.0.0.1:{self.port}"
        command = [binary(), "up", "--data-dir", self.data_dir, "--listen", listen, "--region", self.region]
        self.process = subprocess.Popen([*command, *self.options], stdout=subprocess.PIPE, stderr=log)
        log.close()
        self.ready_line = self._await_ready()
        return self

    def _await_ready(self) -> str:
        deadline = time.monotonic() + READY_SECONDS_MAX
        output = self.process.stdout.fileno()
        text = b""
        while time.monotonic() < deadline:
            readable, _, _ = select.select([output], [], [], 0.1)
            chunk = os.read(output, 65536) if readable else None
            if chunk == b"":
                break
            text += chunk or b""
            for line in text.decode(errors="replace").splitlines():
                if re.search(r"\bready\b", line, re.IGNORECASE) and "http" in line:
                    return line
        raise RuntimeError(f"no ready line\n--- output\n{text.decode(errors='replace')}\n--- log\n{self.log()}")

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-20_000:] if self.log_path.exists() else ""

    def terminate(self) -> int:
        """SIGTERM: the control plane ends, tasks go on."""
        self.process.terminate()
        return self._reap()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def _reap(self) -> int:
        code = self.process.wait(timeout=READY_SECONDS_MAX)
        self.process.stdout.close()
        self.process = None
        return code

    def down(self) -> subprocess.CompletedProcess:
        """`neargate down`, after the server's own end if it still runs."""
        done = self.run("down", timeout=DOWN_SECONDS_MAX)
        if self.process is not None:
            try:
                self._reap()
            except subprocess.TimeoutExpired:
                self.kill()
        return done

    def run(self, *arguments: str, timeout: float = 60, check: bool = True, **options) -> subprocess.CompletedProcess:
        """Another subcommand on this data directory: the option comes before `--`."""
        words = [str(word) for word in arguments]
        subcommand = 2 if words[0] == "image" else 1
        command = [str(binary()), *words[:subcommand], "--data-dir", str(self.data_dir), *words[subcommand:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{shlex.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def environment(self) -> dict[str, str]:
        """What `neargate env` exports."""
        variables = {}
        for line in self.run("env").stdout.splitlines():
            words = shlex.split(line)
            if words and words[0] == "export":
                variables.update(word.split("=", 1) for word in words[1:])
        return variables

    def client(self, service: str, region: str | None = None, **credentials: str):
        """A boto3 client, of the root unless other credentials are given."""
        variables = self.environment()
        chosen = {
            "aws_access_key_id": variables["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": variables["AWS_SECRET_ACCESS_KEY"],
        }
        chosen = credentials or chosen
        return boto3.client(
            service,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=region or variables["AWS_REGION"],
            config=Config(retries={"max_attempts": 1, "mode": "standard"}),
            **chosen,
        )

    def aws(self, *arguments: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess:
        """The AWS CLI v1 of the environment that runs the tests."""
        command = [str(Path(sys.executable).parent / "aws"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=self.shell())
        if check and done.returncode != 0:
            raise RuntimeError(f"{shlex.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def shell(self) -> dict[str, str]:
        """The environment of a shell that evaluated `neargate env`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**inherited, **self.environment(), "AWS_PAGER": ""}

    def health(self) -> bytes:
        with urllib.request.urlopen(f"{self.endpoint}/_neargate/health", timeout=5) as response:
            return response.read()
