"""What an instance of Neargate has on the host: compared before and after, nothing may be left."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

Snapshot = dict[str, set[str]]


def instance_name(data_dir: Path) -> str:
    """The eight digits that name everything of a data directory on the host: the beginning of its path's SHA-256."""
    return hashlib.sha256(os.fsencode(os.path.realpath(data_dir))).hexdigest()[:8]


def host_state() -> Snapshot:
    """Everything that a container platform could leave behind, as sets of lines."""
    return {
        "mounts": _mounts(),
        "cgroups": _cgroups(),
        "nft tables": _nft_tables(),
        "links": set(os.listdir("/sys/class/net")),
        "network namespaces": _network_namespaces(),
        "routes": set(_output("ip", "-o", "route", "show", "table", "all")),
        "rules": set(_output("ip", "-o", "rule", "show")),
        "addresses": {line for line in _addresses()},
        "hosts": set(Path("/etc/hosts").read_text().splitlines()),
        "certificates": _files("/etc/containers/certs.d") | _files("/etc/docker/certs.d"),
        "runtime files": _files("/run/neargate"),
        "loop devices": set(_output("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE")),
        "processes": _processes(),
    }


def left_behind(before: Snapshot, after: Snapshot, data_dir: Path) -> dict[str, list[str]]:
    """What is there now, wasn't before, and is this instance's.

    On a machine of its own (NEARGATE_TESTS_ALONE) everything new counts; elsewhere what carries the instance's name
    or data directory does, since others come and go meanwhile.
    """
    alone = bool(os.environ.get("NEARGATE_TESTS_ALONE"))
    ours = re.compile(f"{instance_name(data_dir)}|{re.escape(str(data_dir))}")
    left = {}
    for kind, lines in after.items():
        new = sorted(lines - before[kind])
        if not alone or kind in ("processes", "network namespaces"):
            new = [line for line in new if ours.search(line)]
        if new:
            left[kind] = new
    return left


def processes_of(data_dir: Path) -> list[str]:
    """Command lines of the processes that belong to the instance."""
    ours = re.compile(f"{instance_name(data_dir)}|{re.escape(str(data_dir))}")
    return sorted(line for line in _processes() if ours.search(line))


def _output(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _mounts() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def _cgroups() -> set[str]:
    found = set()
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            if "neargate" in name or "neargate" in folder:
                found.add(os.path.join(folder, name))
    return found


def _nft_tables() -> set[str]:
    return set(_output("nft", "list", "tables"))


def _addresses() -> set[str]:
    # Lifetimes count down: they aren't part of what an address is.
    return {re.sub(r"\\.*", "", line) for line in _output("ip", "-o", "address", "show")}


def _network_namespaces() -> set[str]:
    """Pinned ones by their path, the others by the command that lives in them."""
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.add(f"{os.readlink(process / 'ns/net')} {command.strip()}")
            except OSError:
                continue
    return found


def _processes() -> set[str]:
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                # A zombie has no command line any more, and its parent to answer for it.
                if command:
                    found.add(f"{process.name} {command} {os.readlink(process / 'root')}")
            except OSError:
                continue
    return found


def _files(folder: str) -> set[str]:
    return {os.path.join(place, name) for place, _, names in os.walk(folder) for name in names}
