"""What it costs to measure: the server's processor time with no task, and with 200 that do nothing."""

import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from services import lab_of  # noqa: E402
from waiting import until  # noqa: E402

TASKS = 200
SECONDS = 30
# What starting them leaves to be done: first readings, journals, upkeep.
SETTLE_SECONDS = 15


def cpu_seconds(pid: int) -> float:
    """Of all threads, since the process began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_percent(pid: int) -> float:
    """Of one core, over a while."""
    before, started = cpu_seconds(pid), time.monotonic()
    time.sleep(SECONDS)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - started)


def run(server, folder: Path, say) -> None:
    """The share of one core that the server needs: node, link, control and store of metrics are in it."""
    lab = lab_of(server, folder)
    pid = server.process.pid
    time.sleep(SETTLE_SECONDS)
    without = cpu_percent(pid)
    say("measuring: the server's cpu without tasks", without, "% of a core")
    script = "trap 'exit 0' TERM; sleep 100000 & wait"
    definition = lab.define(command=["/bin/busybox", "sh", "-c", script], portMappings=[])
    service = lab.service(definition, count=TASKS)
    until(lambda: service.describe()["runningCount"] == TASKS, f"{TASKS} tasks RUNNING", 300, every=1)
    time.sleep(SETTLE_SECONDS)
    measured = cpu_percent(pid)
    say(f"measuring: the server's cpu with {TASKS} idle tasks", measured, "% of a core")
    say(f"measuring: what {TASKS} idle tasks cost", measured - without, "% of a core")
    lab.clean()
