"""Network load balancers: TCP, TLS and UDP, the proxy protocol, flows that stay together."""

import socket

import pytest

from test_balancer_https import certificate_for
from waiting import until

@pytest.fixture
def network(services):
    return services.balancer("network")


def test_tcp_goes_through_and_connections_spread(services, network):
    target_group = services.target_group("TCP", 80, attributes={"load_balancing.cross_zone.enabled": "true"})
    network.listener(target_group, "TCP", 80)
    service = services.service(services.define(), target_group, count=2)
    service.stable()
    services.healthy(target_group, 2)
    pages = {network.get("/") for _ in range(30)}
    assert len(pages) == 2, pages


def test_tls_ends_at_the_balancer(services, network):
    target_group = services.target_group("TCP", 80, attributes={"load_balancing.cross_zone.enabled": "true"})
    network.listener(target_group, "TLS", 443, Certificates=[{"CertificateArn": certificate_for(services, network.host)}])
    service = services.service(services.define(), target_group, count=1)
    service.stable()
    services.healthy(target_group, 1)
    assert "version 1" in network.get("/", "-k", scheme="https")


def test_the_proxy_protocol_tells_the_client(services, network):
    target_group = services.target_group(
        "TCP", 80, attributes={"proxy_protocol_v2.enabled": "true", "load_balancing.cross_zone.enabled": "true"},
        HealthCheckPort="80")
    network.listener(target_group, "TCP", 80)
    # A server that answers with the first sixteen bytes of what it gets.
    script = "while true; do busybox nc -l -p 80 -e busybox sh -c 'busybox head -c 16 | busybox hexdump -v -e \"1/1 \\\"%02x\\\"\"'; done"
    service = services.service(services.define(command=["/bin/busybox", "sh", "-c", script]), target_group, count=1)
    service.stable()
    services.healthy(target_group, 1)

    def told() -> str:
        # The server listens anew after each answer: in between it refuses.
        try:
            with socket.create_connection((network.host, 80), timeout=5) as stream:
                stream.sendall(b"hello")
                return stream.recv(100).decode()
        except OSError:
            return ""

    seen = until(lambda: told() or None, "the header comes back")
    assert seen.startswith("0d0a0d0a000d0a515549540a" + "2111"), seen


def test_udp_is_answered_from_the_same_address(services, network):
    target_group = services.target_group("UDP", 9000, attributes={"load_balancing.cross_zone.enabled": "true"},
                                         HealthCheckProtocol="TCP", HealthCheckPort="80")
    network.listener(target_group, "UDP", 9000)
    definition = services.define(environment={"UDP_PORT": "9000"}, portMappings=[
        {"containerPort": 9000, "protocol": "udp"}, {"containerPort": 80}])
    service = services.service(definition, count=1, loadBalancers=[
        {"targetGroupArn": target_group, "containerName": "web", "containerPort": 9000}])
    service.stable()
    services.healthy(target_group, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((network.host, 9000))

        def echo() -> bool:
            client.send(b"ping")
            try:
                return client.recv(100) == b"ping"
            except OSError:
                return False

        until(echo, "an answer over UDP")
