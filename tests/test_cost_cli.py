"""`neargate cost`, and prices of one's own."""

import json
import re
import subprocess

import pytest
from neargate_server import binary
from waiting import until


def test_nothing_used_yet(make_server):
    done = make_server().run("cost")
    assert done.stdout.startswith("Nothing was used from ") and "run-task" in done.stdout


def test_costs_add_up_to_a_total(lab, server, client):
    tags = [{"key": "cost-cli", "value": "red"}]
    for _ in range(2):
        lab.start(lab.container("true"), run={"tags": tags}).stopped()
    for by, title in [("service", "SERVICE"), ("cluster", "CLUSTER"), ("usage-type", "USAGE TYPE"), ("day", "DAY")]:
        lines = server.run("cost", "--by", by).stdout.splitlines()
        assert lines[0].startswith(title) and lines[0].endswith("COST"), lines
        assert lines[-1].startswith("TOTAL") and lines[-1].endswith(" USD")
        costs = [float(re.search(r"(\S+) USD$", line)[1]) for line in lines[1:]]
        assert abs(sum(costs[:-1]) - costs[-1]) < 1e-5 and costs[-1] > 0
    hint = server.run("cost", "--by", "tag:cost-cli").stdout
    assert "update-cost-allocation-tags-status" in hint
    ce = client("ce")
    ce.update_cost_allocation_tags_status(CostAllocationTagsStatus=[{"TagKey": "cost-cli", "Status": "Active"}])
    table = server.run("cost", "--by", "tag:cost-cli").stdout
    red = next(line for line in table.splitlines() if line.startswith("red"))
    # Two minutes of a quarter vCPU and half a GB.
    assert red.split()[1:3] == ["0.0083", "0.0167"] and "update-cost" not in table


@pytest.mark.parametrize(("arguments", "message"), [
    (["--by", "weather"], "--by weather"),
    (["--since", "yesterday"], "--since yesterday"),
    (["--since", "2026-02-02", "--until", "2026-02-01"], "is after"),
])
def test_bad_options_are_refused(server, arguments, message):
    done = server.run("cost", *arguments, check=False)
    assert done.returncode != 0 and message in done.stderr


def test_a_bad_price_table_is_refused_at_the_start(tmp_path):
    table = tmp_path / "prices.json"
    for text, named in [('{"vcpuhour": 1}', "vcpuhour"), ('{"gbHour": "cheap"}', "gbHour"), ("{", "JSON")]:
        table.write_text(text)
        command = [binary(), "up", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0", "--price-table", table]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and named in done.stderr and str(table) in done.stderr, done.stderr
    done = subprocess.run([*command[:-1], tmp_path / "missing.json"], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "missing.json" in done.stderr


def test_the_operators_prices_hold(make_server, tmp_path):
    from conftest import execution_role_of, open_network_of, pusher
    from task_lab import Lab

    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"currency": "EUR", "vcpuHour": "2.4", "regions": {"us-east-1": {"gbHour": 0}}}))
    server = make_server("--price-table", str(table))
    lab = Lab(server.client, open_network_of(server.client), execution_role_of(server.client),
              pusher(server, server.client), tmp_path)
    lab.start(lab.container("true")).stopped()
    # A quarter vCPU for a minute.
    until(lambda: "0.01 EUR" in server.run("cost").stdout, "the cost")
