"""Keys and certificates for the tests, made by OpenSSL: the client's side of ACM's imports."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

KINDS = {
    "RSA_2048": ["-newkey", "rsa:2048"],
    "RSA_4096": ["-newkey", "rsa:4096"],
    "RSA_1024": ["-newkey", "rsa:1024"],
    "EC_prime256v1": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "EC_secp384r1": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
    "EC_secp521r1": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"],
    "ED25519": ["-newkey", "ed25519"],
}


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


@dataclass
class Made:
    certificate: Path
    key: Path

    def request(self, *issuers: "Made") -> dict[str, bytes]:
        """Arguments of ImportCertificate; the issuers from the nearest on are its chain."""
        chain = b"".join(issuer.certificate.read_bytes() for issuer in issuers)
        made = {"Certificate": self.certificate.read_bytes(), "PrivateKey": self.key.read_bytes()}
        return made | ({"CertificateChain": chain} if chain else {})


class Pki:
    """A folder of certificates."""

    def __init__(self, folder: Path):
        self.folder = folder

    def self_signed(self, name: str, kind: str = "EC_prime256v1", *options: str) -> Made:
        made = self._paths(name)
        subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        openssl("req", "-x509", "-nodes", "-days", "30", *KINDS[kind], *subject, *options,
                "-keyout", made.key, "-out", made.certificate)
        return made

    def authority(self, name: str, issuer: Made | None = None) -> Made:
        return self._signed(name, "basicConstraints=critical,CA:TRUE", issuer) if issuer else self.self_signed(name)

    def leaf(self, name: str, issuer: Made, *further: str) -> Made:
        names = ",".join(f"DNS:{one}" for one in (name, *further))
        return self._signed(name, f"subjectAltName={names}\nextendedKeyUsage=serverAuth", issuer)

    def _signed(self, name: str, extensions: str, issuer: Made) -> Made:
        made = self._paths(name)
        request, extension_file = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extension_file.write_text(extensions)
        openssl("req", "-new", "-nodes", *KINDS["EC_prime256v1"], "-subj", f"/CN={name}",
                "-keyout", made.key, "-out", request)
        openssl("x509", "-req", "-days", "30", "-in", request, "-CA", issuer.certificate, "-CAkey", issuer.key,
                "-CAcreateserial", "-extfile", extension_file, "-out", made.certificate)
        return made

    def _paths(self, name: str) -> Made:
        plain = name.replace("*", "star")
        return Made(self.folder / f"{plain}.pem", self.folder / f"{plain}.key")
