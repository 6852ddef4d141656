"""Images for the tests, made here from Debian's static busybox: nothing is downloaded."""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\napp:x:1000:1000:app:/:/bin/sh\n"
GROUP = "root:x:0:\nnogroup:x:65534:\napp:x:1000:\n"


def applets() -> list[str]:
    return subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()


def busybox_layer(extra: dict[str, bytes] | None = None) -> bytes:
    """A tar of a small root filesystem; `extra` adds files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777), ("root", 0o700), ("www", 0o755)):
            _add(archive, folder, tarfile.DIRTYPE, mode)
        _add(archive, "bin/busybox", tarfile.REGTYPE, 0o755, BUSYBOX.read_bytes())
        for applet in applets():
            if applet != "busybox":
                _add(archive, f"bin/{applet}", tarfile.SYMTYPE, 0o777, link="busybox")
        files = {"etc/passwd": PASSWD.encode(), "etc/group": GROUP.encode(), **(extra or {})}
        for name, content in files.items():
            _add(archive, name, tarfile.REGTYPE, 0o644, content)
    return buffer.getvalue()


def file_layer(name: str, content: bytes, mode: int = 0o644) -> bytes:
    """A tar of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _add(archive, name, tarfile.REGTYPE, mode, content)
    return buffer.getvalue()


def oci_archive(path: Path, layers: list[bytes], config: dict | None = None, compress: bool = True) -> str:
    """Writes an OCI layout as a tar; answers with the manifest's digest."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return f"sha256:{digest}"

    kind = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if compress else "")
    packed = [gzip.compress(layer, compresslevel=1, mtime=0) if compress else layer for layer in layers]
    image = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
    }
    image_bytes = json.dumps(image).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": blob(image_bytes),
            "size": len(image_bytes),
        },
        "layers": [{"mediaType": kind, "digest": blob(layer), "size": len(layer)} for layer in packed],
    }
    manifest_bytes = json.dumps(manifest).encode()
    digest = blob(manifest_bytes)
    index = {
        "schemaVersion": 2,
        "manifests": [{"mediaType": manifest["mediaType"], "digest": digest, "size": len(manifest_bytes)}],
    }
    with tarfile.open(path, "w") as archive:
        _add(archive, "oci-layout", tarfile.REGTYPE, 0o644, b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", tarfile.REGTYPE, 0o644, json.dumps(index).encode())
        for name, content in blobs.items():
            _add(archive, f"blobs/sha256/{name}", tarfile.REGTYPE, 0o644, content)
    return digest


def docker_archive(path: Path, layer: bytes, config: dict | None = None, tag: str = "neargate-test:latest") -> None:
    """Writes what `docker save` would."""
    image = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    image_bytes = json.dumps(image).encode()
    name = f"{hashlib.sha256(image_bytes).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        _add(archive, name, tarfile.REGTYPE, 0o644, image_bytes)
        _add(archive, "layer.tar", tarfile.REGTYPE, 0o644, layer)
        _add(archive, "manifest.json", tarfile.REGTYPE, 0o644, json.dumps(manifest).encode())


def skopeo_copy(source: str, target: str, password: str) -> None:
    """Pushes as a user of a stock Debian host does: no option but the credentials."""
    command = ["skopeo", "copy", "--quiet", "--dest-creds", f"AWS:{password}", source, target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _add(archive: tarfile.TarFile, name: str, kind: bytes, mode: int, content: bytes = b"", link: str = "") -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(content), link
    archive.addfile(entry, io.BytesIO(content))
