"""How fast events find their rules."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def patterns(say) -> None:
    """Events per second on one core, asked of 10, 1,000 and 10,000 rules."""
    command = ["cargo", "run", "--release", "--quiet", "--package", "state-model", "--example", "bench_patterns"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    for line in done.stdout.splitlines():
        rules, per_second, _ = line.split()
        say(f"events asked of {int(rules):,} rules, one core", float(per_second), "events/s")
