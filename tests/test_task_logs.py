"""What containers write, as CloudWatch Logs has it."""

import threading
import time

from task_lab import GROUP
from waiting import until


def test_lines(lab):
    """One event per line of either stream, the last also without its newline, long ones whole."""
    task = lab.start(lab.container(
        "echo one; echo two >&2; echo; head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'caf\\303\\251 \\377\\n'; "
        "printf partial"
    ))
    task.stopped()
    lines = task.lines()
    # The two streams are read side by side: only within one of them is there an order.
    assert "two" in lines
    assert lines.index("one") < lines.index("x" * 40000)
    assert "café \ufffd" in lines
    assert [line for line in lines if line != "two"][-1] == "partial"
    (stream,) = lab.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"lab/app/{task.id}")["logStreams"]
    assert stream["firstEventTimestamp"] <= stream["lastEventTimestamp"] <= stream["lastIngestionTime"]


def test_events_of_several_lines(lab):
    """A pattern or a date begins an event; what comes before the first is an event of its own."""
    text = "printf 'stray\\nERR one\\n  at a\\n  at b\\nERR two\\n'"
    dates = "printf '2026-01-02 03:04:05 one\\nmore\\n2026-01-02 03:04:06 two\\n'"
    lines = lab.run_each({
        "pattern": {"script": text, "log": {"awslogs-multiline-pattern": "^ERR"}},
        "dates": {"script": dates, "log": {"awslogs-datetime-format": "%Y-%m-%d %H:%M:%S"}},
        "plain": {"script": text},
    })
    assert lines["pattern"] == ["stray\n", "ERR one\n  at a\n  at b\n", "ERR two\n"] or lines["pattern"] == [
        "stray", "ERR one\n  at a\n  at b", "ERR two"
    ]
    assert [one.rstrip("\n") for one in lines["dates"]] == [
        "2026-01-02 03:04:05 one\nmore", "2026-01-02 03:04:06 two"
    ]
    assert len(lines["plain"]) == 5


def test_nothing_is_lost_while_blocking(lab):
    """A burst of thousands of lines arrives whole, in order, and before the task is STOPPED."""
    count = 20000
    task = lab.start(lab.container(f"seq {count}", log={"mode": "blocking"}))
    task.stopped()
    seen = []
    token = {}
    while True:
        answer = lab.logs.get_log_events(
            logGroupName=GROUP, logStreamName=f"lab/app/{task.id}", startFromHead=True, **token
        )
        if not answer["events"]:
            break
        seen += [event["message"] for event in answer["events"]]
        token = {"nextToken": answer["nextForwardToken"]}
    assert seen == [str(number) for number in range(1, count + 1)]


def test_a_flood_does_not_block_its_container(lab):
    """Without blocking, what the buffer can't hold is dropped, and the container goes on at its own pace."""
    begun = time.monotonic()
    task = lab.start(lab.container("timeout 1 yes; echo; echo last", log={"mode": "non-blocking", "max-buffer-size": "1m"}))
    task.stopped()
    assert time.monotonic() - begun < 10
    assert task.lines()[0] == "y"


def test_lines_are_there_while_the_task_runs(lab):
    task = lab.start(lab.container("echo early; exec sleep 1000", stopTimeout=2, log={"mode": "non-blocking"}))
    task.running()
    until(lambda: task.lines() == ["early"], "the line of a running task")


def test_live_tail(lab):
    """StartLiveTail shows what a task writes as it writes it."""
    (group,) = lab.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    tail = lab.logs.start_live_tail(
        logGroupIdentifiers=[group["logGroupArn"]], logStreamNamePrefixes=["lab/tailed"], logEventFilterPattern="tick"
    )
    stream = tail["responseStream"]
    seen: list[str] = []
    begun, done = threading.Event(), threading.Event()

    def follow():
        for event in stream:
            if "sessionStart" in event:
                begun.set()
            for result in event.get("sessionUpdate", {}).get("sessionResults", []):
                seen.append(result["message"])
            if "tick 3" in seen:
                done.set()
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert begun.wait(10)
    script = "for n in 1 2 3; do echo tick $n; echo noise; sleep 0.1; done"
    lab.start(lab.container(script, name="tailed")).stopped()
    assert done.wait(10), seen
    stream.close()
    assert seen == ["tick 1", "tick 2", "tick 3"]
