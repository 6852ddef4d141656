"""What the network of tasks lets through, asked of running tasks."""

import contextlib
import itertools
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

import images
from conftest import execution_role_of, open_network_of, pusher
from task_lab import Lab
from waiting import until

# A task that does what it is asked over HTTP: port 80 runs a command, port 8080 is there to be reached.
CGI = b"""#!/bin/sh
echo
exec 2>&1
sh -c "$(httpd -d "$QUERY_STRING")"
"""
OBEY = "echo served > /www/index.html; httpd -p 8080 -h /www; exec httpd -f -p 80 -h /www"
names = itertools.count(1)


class Obedient:
    """A running task, and the answers that it gives."""

    def __init__(self, lab: Lab, *groups: str):
        self.task = lab.start(obedient(lab), groups=list(groups))
        self.task.running()
        self.address = self.task.address
        until(lambda: self.ask("echo ready") == "ready", "an obedient task")

    def ask(self, command: str, seconds: float = 10) -> str | None:
        url = f"http://{self.address}/cgi-bin/run?{urllib.parse.quote(command)}"
        try:
            with urllib.request.urlopen(url, timeout=seconds) as response:
                return response.read().decode().strip()
        except urllib.error.HTTPError:
            raise
        except OSError:
            return None

    def reaches(self, address: str, port: int = 8080) -> bool:
        return self.ask(f"timeout 1 wget -q -O - http://{address}:{port}/ > /dev/null && echo yes || echo no") == "yes"


def obedient(lab: Lab) -> dict:
    image = lab.push_once("obedient", [images.busybox_layer(), images.file_layer("www/cgi-bin/run", CGI, 0o755)])
    return lab.container(OBEY, image=image, linuxParameters={"initProcessEnabled": True})


class Groups:
    """Security groups of the default VPC."""

    def __init__(self, ec2):
        self.ec2 = ec2
        self.vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        self.control = self.make({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [EVERYONE]})

    def make(self, *permissions: dict) -> str:
        made = self.ec2.create_security_group(
            GroupName=f"tests-{os.getpid()}-{next(names)}", Description="tests", VpcId=self.vpc
        )
        if permissions:
            self.allow(made["GroupId"], *permissions)
        return made["GroupId"]

    def allow(self, group: str, *permissions: dict) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions))

    def forbid(self, group: str, *permissions: dict) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=list(permissions))


EVERYONE = {"CidrIp": "0.0.0.0/0"}


def web(**peer) -> dict:
    return {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, **peer}


def of_group(group: str) -> dict:
    return web(UserIdGroupPairs=[{"GroupId": group}])


@pytest.fixture(scope="module")
def groups(client) -> Groups:
    return Groups(client("ec2"))


def test_the_host_reaches_tasks(lab, groups):
    """At the task's own address, whatever its groups say: they are about tasks and the world."""
    nobody = groups.make()
    task = Obedient(lab, nobody)
    with urllib.request.urlopen(f"http://{task.address}:8080/", timeout=2) as response:
        assert response.read() == b"served\n"
    interface = task.task.interface
    found = groups.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface["networkInterfaceId"]])
    (shown,) = found["NetworkInterfaces"]
    assert (shown["PrivateIpAddress"], shown["MacAddress"]) == (task.address, interface["macAddress"])
    assert [group["GroupId"] for group in shown["Groups"]] == [nobody]
    assert (shown["Status"], shown["InterfaceType"]) == ("in-use", "interface")
    inside = task.ask("ip -o address show; ip route")
    assert task.address in inside and interface["macAddress"] in task.ask("ip link")


def test_groups_decide_between_tasks(lab, groups):
    """Rules change while tasks run, and count within a second; a reference means the group's members alone."""
    clients, servers = groups.make(), groups.make()
    one = Obedient(lab, groups.control, clients)
    other = Obedient(lab, groups.control)
    server = Obedient(lab, groups.control, servers)
    assert not one.reaches(server.address)
    groups.allow(servers, of_group(clients))
    until(lambda: one.reaches(server.address), "the rule counts")
    assert not other.reaches(server.address)
    assert not server.reaches(one.address)
    groups.forbid(servers, of_group(clients))
    until(lambda: not one.reaches(server.address), "the rule is gone")
    # By address, and by nobody else's.
    groups.allow(servers, web(IpRanges=[{"CidrIp": f"{other.address}/32"}]))
    until(lambda: other.reaches(server.address), "the rule counts")
    assert not one.reaches(server.address)


def test_the_sender_needs_leave_too(lab, groups):
    """Without an egress rule nothing goes out, whatever the receiver allows; answers to what came in still do."""
    closed, servers = groups.make(), groups.make(web(IpRanges=[EVERYONE]))
    everything = [{"IpProtocol": "-1", "IpRanges": [EVERYONE]}]
    groups.ec2.revoke_security_group_egress(GroupId=closed, IpPermissions=everything)
    groups.allow(closed, {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [EVERYONE]})
    sender, server = Obedient(lab, closed), Obedient(lab, groups.control, servers)
    assert not sender.reaches(server.address)
    groups.ec2.authorize_security_group_egress(GroupId=closed, IpPermissions=[
        web(UserIdGroupPairs=[{"GroupId": servers}])
    ])
    until(lambda: sender.reaches(server.address), "the egress rule counts")


def test_other_protocols(lab, groups):
    """Ping and UDP are let through by their own rules only."""
    servers = groups.make(web(IpRanges=[EVERYONE]))
    client, server = Obedient(lab, groups.control), Obedient(lab, groups.control, servers)
    ping = f"ping -c 1 -W 1 {server.address} > /dev/null && echo yes || echo no"
    # Its datagrams to high ports come back as "port unreachable" when they arrive.
    trace = f"traceroute -n -q 1 -w 1 -m 2 {server.address} 2> /dev/null | grep -c '^ .*{server.address}'"
    assert (client.ask(ping), client.ask(trace)) == ("no", "0")
    groups.allow(servers, {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [EVERYONE]})
    until(lambda: client.ask(ping) == "yes", "ping")
    assert client.ask(trace) == "0"
    groups.allow(servers, {"IpProtocol": "udp", "FromPort": 33434, "ToPort": 33500, "IpRanges": [EVERYONE]})
    until(lambda: client.ask(trace) == "1", "UDP")


def test_the_default_group_is_one_of_friends(lab, groups, client):
    """Tasks that name no group get the VPC's default one: they reach each other, and nobody else reaches them."""
    subnets = {"subnets": lab.network["awsvpcConfiguration"]["subnets"]}
    made = []
    for _ in range(2):
        answer = lab.ecs.run_task(
            taskDefinition=lab.define(obedient(lab)), launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": subnets},
        )
        made.append(lab.follow(answer))
    addresses = [task.running() and task.address for task in made]
    default = groups.ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [groups.vpc]}]
    )["SecurityGroups"][0]["GroupId"]
    outsider, friend = Obedient(lab, groups.control), Obedient(lab, groups.control, default)
    until(lambda: all(friend.reaches(address) for address in addresses), "friends")
    assert not any(outsider.reaches(address) for address in addresses)


def test_names(lab, groups):
    """Every address has its name, both ways; ours are known, and what doesn't exist doesn't."""
    task, other = Obedient(lab, groups.control), Obedient(lab, groups.control)
    name = "ip-" + other.address.replace(".", "-") + ".ec2.internal"
    assert other.task.interface["privateDnsName"] == name
    assert other.ask("hostname") == name

    def resolve(what: str, server: str = "") -> str:
        return task.ask(f"nslookup {what} {server}")

    assert resolve(name).endswith(f"Address: {other.address}")
    assert resolve(name, "169.254.169.253").endswith(f"Address: {other.address}")
    assert name in resolve(other.address)
    assert "NXDOMAIN" in resolve("nobody.ec2.internal")
    assert "169.254.170.3" in resolve("000000000000.dkr.ecr.us-east-1.neargate.internal")
    # By the search list, as programs ask.
    assert task.ask(f"ping -c 1 -W 1 {name.split('.')[0]} | head -1").startswith(f"PING {name.split('.')[0]}")
    assert task.ask("cat /etc/resolv.conf").splitlines() == ["search ec2.internal", "nameserver 172.31.0.2"]
    hosts = task.ask("cat /etc/hosts").splitlines()
    assert any(line.split()[:1] == [task.address] for line in hosts)


SERVER = """
import socket
import sys
listener = socket.create_server((sys.argv[1], 8000))
print("up", flush=True)
while True:
    connection, peer = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + peer[0].encode())
    connection.close()
"""
HOST, OUTSIDE = "198.18.77.1", "198.18.77.2"


@contextlib.contextmanager
def serving(address: str, *prefix: str):
    """Answers on port 8000 with the address that asks."""
    server = subprocess.Popen([*prefix, sys.executable, "-c", SERVER, address], stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"up\n"
        yield
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@contextlib.contextmanager
def outside():
    """A namespace beside the host, that finds tasks through the host if anybody does: the prefix of commands in it."""
    name = f"ngt{os.getpid()}"

    def ip(*words: str, check: bool = True) -> None:
        subprocess.run(["ip", *words], check=check, capture_output=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        ip("address", "add", f"{HOST}/30", "dev", f"{name}a")
        ip("link", "set", f"{name}a", "up")
        ip("-n", name, "address", "add", f"{OUTSIDE}/30", "dev", f"{name}b")
        ip("-n", name, "link", "set", f"{name}b", "up")
        yield ["nsenter", f"--net=/run/netns/{name}"]
    finally:
        ip("link", "delete", f"{name}a", check=False)
        ip("netns", "delete", name, check=False)


def test_the_world_outside(lab, groups):
    """A task reaches what the host reaches, and is seen there as the host; the host's own services stay closed."""
    task = Obedient(lab, groups.control, groups.make(web(IpRanges=[EVERYONE])))
    fetch = "timeout 1 wget -q -O - http://{}:8000/ 2> /dev/null || echo closed"
    with outside() as enter:
        with serving(OUTSIDE, *enter):
            assert task.ask(fetch.format(OUTSIDE)) == HOST
        with serving(HOST):
            assert task.ask(fetch.format(HOST)).endswith("closed")
        # Strangers don't come in by way of the host.
        subprocess.run([*enter, "ip", "route", "add", "172.31.0.0/16", "via", HOST], check=True)
        command = [*enter, "curl", "-fsS", "--max-time", "1", f"http://{task.address}:8080/"]
        assert subprocess.run(command, capture_output=True).returncode != 0


def test_rules_after_a_restart(make_server, tmp_path):
    """A killed server's tasks keep their rules, and a new server changes them."""
    server = make_server()
    client = server.client
    lab = Lab(client, open_network_of(client), execution_role_of(client), pusher(server, client), tmp_path)
    groups = Groups(client("ec2"))
    clients, servers = groups.make(), groups.make()
    groups.allow(servers, of_group(clients))
    asker, target = Obedient(lab, groups.control, clients), Obedient(lab, groups.control, servers)
    assert asker.reaches(target.address)
    server.kill()
    assert asker.reaches(target.address)
    server.up()
    assert asker.reaches(target.address)
    groups.forbid(servers, of_group(clients))
    until(lambda: not asker.reaches(target.address), "the rule is gone")
    groups.allow(servers, of_group(clients))
    until(lambda: asker.reaches(target.address), "the rule counts")
    late = Obedient(lab, groups.control, clients)
    assert late.reaches(target.address)
    assert late.address not in (asker.address, target.address)
    lab.clean()
