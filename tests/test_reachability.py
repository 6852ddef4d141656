"""Packets against the model: many random rule sets over real tasks, each probe compared with what AWS would let through.

NEARGATE_RULE_SETS says how many sets per pool (12 unless given, 1000 for a thorough run), NEARGATE_SEED where to begin: a failure
names its seed, and `NEARGATE_RULE_SETS=1 NEARGATE_SEED=<seed>` repeats that set alone.
"""

import concurrent.futures
import copy
import os
import time

import pytest

import vpc_lab
from conftest import execution_role_of, open_network_of, pusher
from reachability_model import Topology
from reachability_rules import RuleSet, copy_of
from task_lab import Lab
from vpc_lab import Agent, Host, Probe, VpcLab, World, ask_all, differences

RULE_SETS = int(os.environ.get("NEARGATE_RULE_SETS", "12"))
SEED = int(os.environ.get("NEARGATE_SEED", "1"))
COPIES = min(int(os.environ.get("NEARGATE_COPIES", "2")), RULE_SETS)
pytestmark = pytest.mark.alone
# A change of rules counts within a second on an idle machine; tests share theirs.
SETTLE_SECONDS = 10
FAILURES_MAX = 5


def real_pool(share: int = 0) -> str:
    """A pool of addresses that only this run routes to the host: 198.18.0.0/16 has a use of its own.

    Every caller has its own share: servers live until the whole run ends, and two with one pool would answer for each other.
    """
    return f"198.19.{vpc_lab.slot()}.{share * 64}/26"


def lab_of(server, folder) -> Lab:
    made: dict = {}

    def client(service: str):
        return made.setdefault(service, server.client(service))

    folder.mkdir(parents=True, exist_ok=True)
    return Lab(client, open_network_of(client), execution_role_of(client), pusher(server, client), folder)


class Place:
    """A server with a pool, the world beside it, and how addresses of one look at the other."""

    def __init__(self, server, folder, world: World, host: Host, pool: str | None):
        self.server, self.lab = server, lab_of(server, folder)
        self.world, self.host, self.pool = world, host, pool
        vpc_lab.probe_image(self.lab)
        # A pool of loopback addresses lives on the host alone, which is then the world that dials them.
        self.dials_public = world if pool else host
        self.world_seen = world.address if pool else "127.0.0.1"
        self.asked_by: dict[VpcLab, dict[str, Agent]] = {}

    def seen_as(self, address: str) -> set[str]:
        """A real public address is seen as itself; the host stands for those of loopback."""
        if address.startswith("127."):
            return {address, self.world.host, "240" + address.removeprefix("127")}
        return {address}

    def agents(self, lab: VpcLab) -> dict[str, Agent]:
        """A copy's tasks, and connections of its own to the host's and the world's agents."""
        if lab not in self.asked_by:
            others = {"host": self.host.another(), f"world:{self.world_seen}": self.dials_public.another()}
            self.asked_by[lab] = lab.agents | others
        return self.asked_by[lab]


@pytest.fixture(scope="module", params=["real pool", "loopback pool"])
def place(request, make_server, tmp_path_factory):
    pool = real_pool() if request.param == "real pool" else None
    server = make_server(*(["--public-pool", pool] if pool else []))
    with World(pool) as world, Host() as host:
        made = Place(server, tmp_path_factory.mktemp("place"), world, host, pool)
        yield made
        made.lab.clean()


@pytest.fixture(scope="module")
def labs(place):
    """Copies of the topology, each with a block of its own: built side by side."""
    first = vpc_lab.slot() * 4
    made = []
    for number in range(COPIES):
        topology = copy_of(first + number)
        topology.world = {place.world.address}
        made.append(VpcLab(place.lab, topology).build())
    yield made
    for lab in made:
        lab.end()


def settled(place: Place, lab: VpcLab, topology: Topology, probes: list[Probe]) -> list[str]:
    """Asks everything again until one whole pass agrees with the model, or the deadline is over: what still differs.

    From 127.0.0.1 only the host dials, which the model calls the world at that address.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    named = [(f"world:{place.world_seen}" if source == "world" else source, to, service) for source, to, service in probes]
    while True:
        wrong = differences(topology, named, ask_all(place.agents(lab), named), place.seen_as)
        if not wrong or time.monotonic() > deadline:
            return wrong


def run_sets(place: Place, lab: VpcLab, seeds: range) -> list[str]:
    failures = []
    for seed in seeds:
        rules = RuleSet(seed, lab.current, place.world_seen)
        lab.apply(rules.topology)
        wrong = settled(place, lab, rules.topology, rules.probes(from_tasks_to_public=place.pool is not None))
        if wrong:
            failures.append(f"seed {seed}: " + "\n  ".join(wrong) + f"\n  {described(rules.topology)}")
        if len(failures) == FAILURES_MAX:
            break
    return failures


def described(topology: Topology) -> str:
    parts = [*topology.interfaces.items(), *topology.nat_gateways.items(), *topology.groups.items(), *topology.tables.items(),
             *topology.acls.items(), *topology.prefix_lists.items()]
    return "\n  ".join(f"{name}: {part}" for name, part in parts)


def test_random_rule_sets(place, labs):
    """Groups, ACLs, routes and prefix lists at random; every copy works on its own share."""
    with concurrent.futures.ThreadPoolExecutor(len(labs)) as pool:
        shares = [range(SEED + place_, SEED + RULE_SETS, len(labs)) for place_ in range(len(labs))]
        found = [pool.submit(run_sets, place, lab, share) for lab, share in zip(labs, shares, strict=True)]
        failures = [failure for one in found for failure in one.result()]
    assert not failures, "\n\n".join(failures)
    print(f"{RULE_SETS} rule sets agree")
