"""`kill -9` of every part while services are updated under load: rollouts end right, nothing acknowledged is lost."""

import random
import threading
import time

import botocore.exceptions
import pytest

from conftest import execution_role_of, pusher
from fault_lab import kill_all, processes_named
from host_state import host_state, left_behind
from load import Load
from service_lab import ServiceLab, address
from waiting import until

pytestmark = pytest.mark.alone

ROUNDS = 10


@pytest.fixture
def before():
    return host_state()


@pytest.fixture
def own_server(before, make_server):
    return make_server()


@pytest.fixture
def own(own_server, tmp_path) -> ServiceLab:
    made = {}

    def client(service: str):
        return made.setdefault(service, own_server.client(service))

    folder = tmp_path / "lab"
    folder.mkdir()
    return ServiceLab(client, execution_role_of(client), pusher(own_server, client), folder)


def balancer_workers(server) -> list[int]:
    """The processes that carry traffic; their keeper holds the sockets meanwhile."""
    return processes_named(server.data_dir, "neargate-edge")


def update_until_taken(service, server, definition: str) -> None:
    """An update whose answer came: the client tries again while the server is away."""
    deadline = time.monotonic() + 30
    while True:
        try:
            service.update(taskDefinition=definition)
            return
        except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError):
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(0.1)


def test_ten_rounds_of_kills_during_rollouts(own, own_server, before):
    chance = random.Random(20)
    service, balancer, target_group = own.website(count=3)
    for round_ in range(ROUNDS):
        version = str(round_ + 2)
        victim = chance.choice(["server", "balancer", "supervisor"])
        definition = own.define(version)
        with Load(balancer.host, rate=50) as load:
            service.update(taskDefinition=definition)
            time.sleep(chance.random() * 1.5)
            if victim == "server":
                own_server.kill()
                own_server.up()
            elif victim == "balancer":
                kill_all(balancer_workers(own_server))
            else:
                kill_all([chance.choice(processes_named(own_server.data_dir, "neargate-task"))])
            service.stable(90)
            own.healthy(target_group, 3)
        assert "version " + version in balancer.get("/"), victim
        # The killed part's requests in flight may fail: at most one for each client.
        allowed = {"server": 0, "balancer": 4, "supervisor": 4}[victim]
        assert len(load.failures) <= allowed, (victim, load.failures)
        running = {address(task) for task in service.tasks()}
        assert set(own.health(target_group)) == running, "a target points at a dead address"
        found = service.describe()
        assert found["taskDefinition"] == definition and len(found["deployments"]) == 1
    own_server.down()
    assert left_behind(before, host_state(), own_server.data_dir) == {}


def test_connections_outlive_the_server(own, own_server):
    service, balancer, target_group = own.website(count=2)
    with Load(balancer.host, rate=100, websocket="/ws") as load:
        own_server.kill()
        time.sleep(1)
        own_server.up()
        until(lambda: load.requests > 200, "requests go on")
    assert load.failures == []
    assert load.echoes > 10
    service.stable()


def test_a_killed_balancer_loses_only_what_was_in_flight(own, own_server):
    service, balancer, target_group = own.website(count=2)
    with Load(balancer.host, rate=100) as load:
        time.sleep(0.5)
        workers = balancer_workers(own_server)
        assert workers
        kill_all(workers)
        asked = load.requests
        until(lambda: load.requests > asked + 100, "requests go on")
    assert len(load.failures) <= 4, load.failures
    assert set(balancer_workers(own_server)).isdisjoint(workers)


def test_a_balancer_killed_while_the_server_is_away_comes_back_by_itself(own, own_server):
    service, balancer, target_group = own.website(count=2)
    own_server.kill()
    kill_all(balancer_workers(own_server))
    assert "version 1" in balancer.get("/")
    own_server.up()
    assert "version 1" in balancer.get("/")


def test_down_ends_services_and_balancers(own, own_server, before):
    own.website(count=2)
    own_server.kill()
    own_server.down()
    assert left_behind(before, host_state(), own_server.data_dir) == {}


def test_two_updates_at_once_end_in_one_of_them(own):
    service, balancer, target_group = own.website(count=2)
    definitions = [own.define("2"), own.define("3")]
    threads = [threading.Thread(target=service.update, kwargs={"taskDefinition": one}) for one in definitions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = service.stable(90)
    assert found["taskDefinition"] in definitions
    ends = [one["status"] for one in own.ecs.list_service_deployments(service=service.arn)["serviceDeployments"]]
    assert ends[0] == "SUCCESSFUL" and set(ends) <= {"SUCCESSFUL", "STOPPED"}
    version = definitions.index(found["taskDefinition"]) + 2
    assert f"version {version}" in balancer.get("/")
