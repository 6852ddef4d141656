"""ACM as its clients use it: imports from OpenSSL, requests for internal names, lists, tags, and each refusal."""

import errno
import json
import os
import pathlib
import re
import ssl
import subprocess

import pytest

from certificates import Pki, openssl
from refusals import refusal

ARN = re.compile(r"arn:aws:acm:us-east-1:000000000000:certificate/[0-9a-f-]{36}")


@pytest.fixture(scope="module")
def acm(client):
    return client("acm")


@pytest.fixture
def pki(tmp_path) -> Pki:
    return Pki(tmp_path)


@pytest.fixture
def issued(acm):
    """Requests certificates, and deletes them after the test."""
    made = []

    def request(name: str, **options) -> str:
        made.append(acm.request_certificate(DomainName=name, **options)["CertificateArn"])
        return made[-1]

    yield request
    for arn in made:
        acm.delete_certificate(CertificateArn=arn)


@pytest.mark.parametrize(
    "kind, shown", [("RSA_2048", "RSA-2048"), ("RSA_4096", "RSA-4096"), ("EC_prime256v1", "EC-prime256v1"), ("EC_secp384r1", "EC-secp384r1")]
)
def test_self_signed_certificates_are_imported(acm, pki, kind, shown):
    made = pki.self_signed("www.example.com", kind)
    arn = acm.import_certificate(**made.request(), Tags=[{"Key": "team", "Value": "web"}])["CertificateArn"]
    assert ARN.fullmatch(arn)
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (detail["DomainName"], detail["SubjectAlternativeNames"]) == ("www.example.com", ["www.example.com"])
    assert (detail["Type"], detail["Status"], detail["KeyAlgorithm"]) == ("IMPORTED", "ISSUED", shown)
    assert (detail["InUseBy"], detail["RenewalEligibility"]) == ([], "INELIGIBLE")
    serial = openssl("x509", "-in", made.certificate, "-noout", "-serial").strip().removeprefix("serial=").lower()
    assert detail["Serial"].replace(":", "") == serial
    got = acm.get_certificate(CertificateArn=arn)
    assert got["Certificate"].strip() == made.certificate.read_text().strip()
    assert "CertificateChain" not in got
    acm.delete_certificate(CertificateArn=arn)
    assert refusal(acm.get_certificate, CertificateArn=arn) == ("ResourceNotFoundException", f"Could not find certificate {arn}.")


def test_a_chain_is_kept_in_order(acm, pki):
    root = pki.authority("root")
    middle = pki.authority("middle", root)
    leaf = pki.leaf("shop.example.com", middle, "*.shop.example.com")
    arn = acm.import_certificate(**leaf.request(middle, root))["CertificateArn"]
    got = acm.get_certificate(CertificateArn=arn)
    expected = middle.certificate.read_text() + root.certificate.read_text()
    assert got["CertificateChain"] == expected
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert detail["SubjectAlternativeNames"] == ["shop.example.com", "*.shop.example.com"]
    assert detail["Issuer"] == "middle"
    assert detail["ExtendedKeyUsages"] == [{"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}]
    acm.delete_certificate(CertificateArn=arn)
    for chain, index in (((root, middle), 0), ((middle, middle), 1)):
        code, message = refusal(acm.import_certificate, **leaf.request(*chain))
        assert code == "ValidationException" and message.endswith(f"invalid certificate is: {index}")
    # An authority of the same name that didn't sign it.
    (pki.folder / "other").mkdir()
    impostor = Pki(pki.folder / "other").authority("middle", root)
    message = "Could not validate the certificate with the certificate chain."
    assert refusal(acm.import_certificate, **leaf.request(impostor, root)) == ("ValidationException", message)


@pytest.mark.parametrize("kind", ["RSA_1024", "EC_secp521r1", "ED25519"])
def test_keys_that_the_balancer_cannot_use_are_refused(acm, pki, kind):
    code, message = refusal(acm.import_certificate, **pki.self_signed("a.example.com", kind).request())
    assert code == "ValidationException"
    assert message.startswith("The private key is not supported.")


def test_keys_are_taken_in_each_of_their_forms(acm, pki):
    for kind, traditional in (("RSA_2048", "rsa"), ("EC_prime256v1", "ec")):
        made = pki.self_signed("a.example.com", kind)
        key = openssl(traditional, "-in", made.key, *(["-traditional"] if traditional == "rsa" else [])).encode()
        assert b"PRIVATE KEY" in key and b"BEGIN PRIVATE KEY" not in key
        arn = acm.import_certificate(**{**made.request(), "PrivateKey": key})["CertificateArn"]
        acm.delete_certificate(CertificateArn=arn)
        locked = openssl("pkcs8", "-topk8", "-in", made.key, "-passout", "pass:secret").encode()
        code, message = refusal(acm.import_certificate, **{**made.request(), "PrivateKey": locked})
        assert (code, "is encrypted" in message) == ("ValidationException", True)


def test_what_does_not_match_is_refused(acm, pki):
    made, other = pki.self_signed("a.example.com"), pki.self_signed("b.example.com")
    mixed = {**made.request(), "PrivateKey": other.key.read_bytes()}
    assert refusal(acm.import_certificate, **mixed) == ("ValidationException", "The private key does not match the certificate.")
    garbled = {**made.request(), "Certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}
    assert refusal(acm.import_certificate, **garbled) == ("ValidationException", "The certificate is not in PEM format or is not valid.")
    expired = pki.self_signed("c.example.com", "EC_prime256v1", "-not_before", "20200101000000Z", "-not_after", "20210101000000Z") if has_dates() else None
    if expired:
        assert refusal(acm.import_certificate, **expired.request()) == ("ValidationException", "The certificate is expired, is not valid.")


def has_dates() -> bool:
    """OpenSSL 3.4 and later can date a certificate back."""
    return "-not_before" in subprocess.run(["openssl", "req", "-help"], capture_output=True, text=True, check=False).stderr


def test_a_reimport_keeps_the_arn(acm, pki):
    first = pki.self_signed("a.example.com")
    arn = acm.import_certificate(**first.request(), Tags=[{"Key": "k", "Value": "v"}])["CertificateArn"]
    before = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    second = pki.self_signed("a.example.com")
    assert acm.import_certificate(CertificateArn=arn, **second.request())["CertificateArn"] == arn
    after = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (after["Serial"] != before["Serial"], after["CreatedAt"]) == (True, before["CreatedAt"])
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    acm.delete_certificate(CertificateArn=arn)


def test_a_requested_certificate_is_trusted_with_the_installations_authority(acm, server, issued, tmp_path):
    arn = issued("web.neargate.internal", SubjectAlternativeNames=["*.web.neargate.internal"], ValidationMethod="DNS")
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (detail["Status"], detail["Type"]) == ("ISSUED", "AMAZON_ISSUED")
    for validation in detail["DomainValidationOptions"]:
        assert (validation["ValidationMethod"], validation["ValidationStatus"]) == ("DNS", "SUCCESS")
        assert validation["ResourceRecord"]["Type"] == "CNAME"
    acm.get_waiter("certificate_validated").wait(CertificateArn=arn)
    got = acm.get_certificate(CertificateArn=arn)
    assert got["CertificateChain"] == (server.data_dir / "tls" / "authority.pem").read_text().replace("\r\n", "\n")
    leaf, authority = tmp_path / "leaf.pem", tmp_path / "authority.pem"
    leaf.write_text(got["Certificate"])
    authority.write_text(got["CertificateChain"])
    for name in ("web.neargate.internal", "a.web.neargate.internal"):
        verified = openssl("verify", "-CAfile", authority, "-verify_hostname", name, "-purpose", "sslserver", leaf)
        assert verified.strip().endswith(": OK")
    assert ssl.PEM_cert_to_DER_cert(got["Certificate"])


def test_requests_repeat_by_their_token(acm, issued):
    first = issued("token.internal", IdempotencyToken="abc")
    assert acm.request_certificate(DomainName="token.internal", IdempotencyToken="abc")["CertificateArn"] == first
    assert issued("token.internal", IdempotencyToken="abd") != first


@pytest.mark.parametrize(
    "options, code, part",
    [
        ({"DomainName": "www.example.com"}, "ValidationException", "no public authority can validate"),
        ({"DomainName": "not a name"}, "ValidationException", "regular expression pattern"),
        ({"DomainName": "a.internal", "KeyAlgorithm": "RSA_2048"}, "InvalidParameterException", "no RSA_2048 keys"),
        ({"DomainName": "a.internal", "ValidationMethod": "EMAIL"}, "ValidationException", "no mail"),
        ({"DomainName": "a.internal", "SubjectAlternativeNames": ["b.example.org"]}, "ValidationException", "b.example.org"),
        ({"DomainName": "a.internal", "Options": {"Export": "ENABLED"}}, "InvalidParameterException", "exported"),
    ],
)
def test_what_cannot_be_issued_is_refused(acm, options, code, part):
    found = refusal(acm.request_certificate, **options)
    assert found[0] == code
    assert part in found[1]


def test_lists_have_pages_and_filters(acm, issued, pki):
    arns = [issued(f"page-{number}.internal") for number in range(3)]
    pages = acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 2})
    listed = [one for page in pages for one in page["CertificateSummaryList"]]
    assert {*arns} <= {one["CertificateArn"] for one in listed}
    made = pki.self_signed("rsa.example.com", "RSA_2048")
    imported = acm.import_certificate(**made.request())["CertificateArn"]
    found = acm.list_certificates(Includes={"keyTypes": ["RSA_2048"]})["CertificateSummaryList"]
    assert [one["CertificateArn"] for one in found] == [imported]
    assert acm.list_certificates(CertificateStatuses=["EXPIRED"])["CertificateSummaryList"] == []
    newest = acm.list_certificates(SortBy="CREATED_AT", SortOrder="DESCENDING", MaxItems=1)["CertificateSummaryList"]
    assert [one["CertificateArn"] for one in newest] == [imported]
    acm.delete_certificate(CertificateArn=imported)


def test_tags_come_and_go(acm, issued):
    arn = issued("tags.internal", Tags=[{"Key": "a", "Value": "1"}])
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c"}])
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    tags = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "c", "Value": ""}]
    code, _ = refusal(acm.add_tags_to_certificate, CertificateArn=arn, Tags=[{"Key": "aws:x", "Value": "1"}])
    assert code == "InvalidTagException"


def test_the_cli_imports_from_files(server, pki):
    made = pki.self_signed("cli.example.com", "RSA_2048")
    arguments = ["--certificate", f"fileb://{made.certificate}", "--private-key", f"fileb://{made.key}"]
    arn = json.loads(server.aws("acm", "import-certificate", *arguments).stdout)["CertificateArn"]
    described = json.loads(server.aws("acm", "describe-certificate", "--certificate-arn", arn).stdout)
    assert described["Certificate"]["DomainName"] == "cli.example.com"
    server.aws("acm", "delete-certificate", "--certificate-arn", arn)


def written(path: pathlib.Path):
    """The parts of a file that hold something: the disk of a task is twenty gigabytes of holes. Nothing when it has gone meanwhile."""
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            at = 0
            while at < end:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
                at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                yield os.pread(file.fileno(), at - start, start)
    except OSError as error:
        # ENXIO: nothing but a hole until the end.
        if error.errno not in (errno.ENXIO, errno.ENOENT):
            raise


def test_private_keys_are_nowhere_to_be_read(acm, server, pki):
    made = pki.self_signed("secret.example.com", "RSA_2048")
    arn = acm.import_certificate(**made.request())["CertificateArn"]
    secret = made.key.read_bytes().splitlines()[5]
    files = [path for path in server.data_dir.rglob("*") if path.is_file()] + [server.log_path]
    assert [path for path in files if any(secret in part for part in written(path))] == []
    acm.delete_certificate(CertificateArn=arn)


def test_a_certificate_of_a_listener_is_in_use(acm, services, issued):
    arn = issued("used.internal")
    balancer = services.balancer()
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = balancer.listener(protocol="HTTPS", port=443, Certificates=[{"CertificateArn": arn}], action=fixed)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [balancer.arn]
    message = f"Certificate {arn} is in use."
    assert refusal(acm.delete_certificate, CertificateArn=arn) == ("ResourceInUseException", message)
    services.elb.delete_listener(ListenerArn=listener)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == []
