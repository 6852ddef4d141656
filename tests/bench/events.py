"""How fast events find their rules."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


# How the rules differ, by the example's word for it.
SHAPES = {
    "OwnSource": "",
    "OwnPrefix": " that differ in a prefix deep in the detail",
    "SharedAnythingBut": " with one anything-but and a value of their own",
}


def patterns(say) -> None:
    """Events per second on one core, asked of as many as 10,000 rules."""
    command = ["cargo", "run", "--release", "--quiet", "--package", "state-model", "--example", "bench_patterns"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    for line in done.stdout.splitlines():
        shape, rules, per_second, _ = line.split("\t")
        say(f"events asked of {int(rules):,} rules{SHAPES[shape]}, one core", float(per_second), "events/s")
