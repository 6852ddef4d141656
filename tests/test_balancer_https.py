"""TLS at the load balancer: certificates of the built-in authority and imported ones, names, policies, HTTP/2, gRPC's ground."""

import socket
import subprocess

import httpx
import pytest

from waiting import until


def certificate_for(services, name: str) -> str:
    """A certificate of the installation's own authority."""
    acm = services.client("acm")
    arn = acm.request_certificate(DomainName=name)["CertificateArn"]
    until(lambda: acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED", "it is issued")
    return arn


def imported(services, name: str, folder) -> tuple[str, str]:
    """A certificate that signs itself: its ARN and its PEM."""
    key, chain = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", chain], check=True, capture_output=True)
    arn = services.client("acm").import_certificate(Certificate=chain.read_bytes(), PrivateKey=key.read_bytes())["CertificateArn"]
    return arn, chain.read_text()


def subject(host: str, name: str, *options: str) -> str:
    command = ["openssl", "s_client", "-connect", f"{host}:443", "-servername", name, *options]
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=10, check=False).stdout


def test_names_choose_certificates_and_policies_choose_versions(services, tmp_path):
    service, balancer, target_group = services.website(count=1)
    first, _ = imported(services, "one.example.internal", tmp_path)
    second, pem = imported(services, "two.example.internal", tmp_path)
    listener = balancer.listener(target_group, "HTTPS", 443, Certificates=[{"CertificateArn": first}],
                                 SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    services.elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": second}])
    until(lambda: "CN = two.example.internal" in subject(balancer.host, "two.example.internal"), "the second is presented")
    assert "CN = one.example.internal" in subject(balancer.host, "one.example.internal")
    assert "CN = one.example.internal" in subject(balancer.host, "unknown.example.internal")
    # A client that trusts it is content: the whole chain and the name are right.
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(pem)
    resolve = f"two.example.internal:443:{address_of(balancer.host)}"
    done = subprocess.run(["curl", "-sS", "--fail", "--cacert", trusted, "--resolve", resolve, "https://two.example.internal/"],
                          capture_output=True, text=True, timeout=20, check=False)
    assert "version 1" in done.stdout, done.stderr
    assert "TLSv1.3" in subject(balancer.host, "one.example.internal", "-tls1_3")
    services.elb.modify_listener(ListenerArn=listener, SslPolicy="ELBSecurityPolicy-TLS13-1-3-2021-06")
    until(lambda: "Cipher is (NONE)" in subject(balancer.host, "one.example.internal", "-tls1_2"), "TLS 1.2 is refused")


def address_of(host: str) -> str:
    return socket.gethostbyname(host)


def test_http2_from_clients_and_headers_to_targets(services):
    service, balancer, target_group = services.website(count=1)
    balancer.listener(target_group, "HTTPS", 443, Certificates=[{"CertificateArn": certificate_for(services, balancer.host)}])
    with httpx.Client(http2=True, http1=False, verify=False, timeout=20) as client:
        response = client.get(f"https://{balancer.host}/headers")
        assert response.http_version == "HTTP/2"
        seen = {name.lower(): value for name, value in response.json()["headers"]}
        assert seen["x-forwarded-proto"] == "https"
        assert seen["x-forwarded-port"] == "443"
        assert seen["x-forwarded-for"] == "127.0.0.1"
        assert seen["x-amzn-trace-id"].startswith("Root=1-")
        assert seen["host"] == balancer.host
        body = b"x" * 300_000
        assert client.post(f"https://{balancer.host}/echo", content=body).content == body


def test_the_authority_of_the_installation_is_all_that_a_client_must_trust(server, services):
    service, balancer, target_group = services.website(count=1)
    balancer.listener(target_group, "HTTPS", 443, Certificates=[{"CertificateArn": certificate_for(services, balancer.host)}])
    authority = server.data_dir / "tls/authority.pem"
    assert "version 1" in balancer.get("/", "--cacert", str(authority), scheme="https")
    refused = balancer.curl("/", scheme="https")
    assert refused.returncode == 60, refused.stderr


@pytest.mark.parametrize("name", ["www.example.com", "example.org"])
def test_no_certificate_for_public_names(services, name):
    with pytest.raises(services.client("acm").exceptions.ClientError):
        services.client("acm").request_certificate(DomainName=name)
