"""Images that are wrong: each ends its task with AWS's words, and leaves nothing in the image store."""

import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading

import pytest

import images
from neargate_server import free_port
from waiting import until

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class WrongRegistry:
    """A registry that hands out exactly what it is told, by whatever digest."""

    def __init__(self):
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.lengths: dict[str, int] = {}
        self.port = free_port()
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.answer(self)

            do_HEAD = do_GET

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request) -> None:
        kind, _, name = request.path.removeprefix("/v2/wrong/").partition("/")
        content = {"manifests": self.manifests, "blobs": self.blobs}.get(kind, {}).get(name)
        if request.path == "/v2/":
            content = b"{}"
        if content is None:
            content = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
            request.send_response(404)
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(self.lengths.get(name, len(content))))
        request.send_header("Content-Type", MANIFEST if kind == "manifests" else "application/octet-stream")
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)
        if name in self.lengths:
            request.close_connection = True

    def image(self, tag: str, layer: bytes, packed: bytes | None = None, kind: str = LAYER) -> tuple[str, str]:
        """Offers an image of one layer; answers with its reference and the layer's digest."""
        packed = gzip.compress(layer, 1, mtime=0) if packed is None else packed
        config = json.dumps({
            "architecture": images.ARCHITECTURE, "os": "linux", "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        }).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": kind, "digest": digest_of(packed), "size": len(packed)}],
        }).encode()
        self.blobs |= {digest_of(config): config, digest_of(packed): packed}
        self.manifests |= {tag: manifest, digest_of(manifest): manifest}
        return f"127.0.0.1:{self.port}/wrong:{tag}", digest_of(packed)


@pytest.fixture(scope="module")
def wrong():
    registry = WrongRegistry()
    yield registry
    registry.server.shutdown()


def layer_of(*entries: tarfile.TarInfo, content: bytes = b"escaped\n") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry in entries:
            entry.size = len(content) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(content) if entry.isreg() else None)
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, 0o644
    return made


def stored(server) -> set[str]:
    """Everything in the node's image store, by path."""
    root = server.data_dir / "node" / "images"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def refused(server, lab, image: str, *words: str) -> str:
    """Runs it, expects the end, and that the store holds no more than before."""
    before = stored(server)
    stopped = lab.start(lab.container("true", image=image)).stopped(seconds=60)
    assert stopped["stopCode"] == "TaskFailedToStart", stopped
    reason = stopped["stoppedReason"]
    assert reason.startswith("CannotPullContainerError: "), reason
    for word in words:
        assert word in reason, reason
    # The small documents of an image may stay until the next collection; no layer of it does.
    until(lambda: not [path for path in stored(server) - before if "layer" in path or "tmp" in path], "no layer")
    return reason


ESCAPES = {
    "parent": [entry("../escaped")],
    "deep parent": [entry("a/b/../../../../../../../../tmp/neargate-escaped")],
    "absolute link": [entry("door", tarfile.SYMTYPE, "/tmp"), entry("door/neargate-escaped")],
    "parent link": [entry("door", tarfile.SYMTYPE, "../../../../../../../tmp"), entry("door/neargate-escaped")],
    "hard link": [entry("shadow", tarfile.LNKTYPE, "../../../../../../../etc/shadow")],
    "hard link by link": [
        entry("door", tarfile.SYMTYPE, "/etc"), entry("shadow", tarfile.LNKTYPE, "door/shadow"),
    ],
}


@pytest.mark.parametrize("name", ESCAPES)
def test_layers_that_try_to_escape(server, lab, wrong, name, tmp_path_factory):
    import pathlib

    layer = layer_of(*ESCAPES[name])
    image, _ = wrong.image(name.replace(" ", "-"), layer)
    stopped = lab.start(lab.container("true", image=image)).stopped(seconds=60)
    assert stopped["stopCode"] == "TaskFailedToStart", stopped
    assert not pathlib.Path("/tmp/neargate-escaped").exists()
    assert not [path for path in server.data_dir.rglob("escaped") if "/layers/" not in str(path)]
    for path in server.data_dir.rglob("shadow"):
        assert not path.exists() or not path.samefile("/etc/shadow")


def test_a_blob_of_another_digest(server, lab, wrong):
    # A content of its own: a layer that another test has unpacked is not fetched again.
    layer = images.busybox_layer({"x": b"digest"})
    image, digest = wrong.image("digest", layer)
    wrong.blobs[digest] = gzip.compress(layer + b"\0" * 512, 1, mtime=0)[: len(wrong.blobs[digest])]
    refused(server, lab, image, digest)


def test_a_truncated_blob(server, lab, wrong):
    image, digest = wrong.image("truncated", images.busybox_layer({"x": b"truncated"}))
    whole = wrong.blobs[digest]
    wrong.blobs[digest] = whole[: len(whole) // 2]
    wrong.lengths[digest] = len(whole)
    refused(server, lab, image)


def test_a_layer_that_is_no_archive(server, lab, wrong):
    image, _ = wrong.image("noise", b"noise", packed=b"noise that is no gzip at all")
    refused(server, lab, image)


def test_a_layer_whose_content_is_another(server, lab, wrong):
    """The digest of the packed layer holds, that of its content doesn't."""
    packed = gzip.compress(images.busybox_layer({"x": b"other"}), 1, mtime=0)
    image, _ = wrong.image("content", images.busybox_layer({"x": b"this"}), packed=packed)
    refused(server, lab, image)


def test_unknown_media_types(server, lab, wrong):
    image, _ = wrong.image("media", images.busybox_layer({"x": b"media"}), kind="application/vnd.example.layer+lz5")
    refused(server, lab, image)
    wrong.manifests["nonsense"] = b'{"schemaVersion": 2, "mediaType": "application/vnd.example+json"}'
    refused(server, lab, f"127.0.0.1:{wrong.port}/wrong:nonsense")
    wrong.manifests["broken"] = b"{"
    refused(server, lab, f"127.0.0.1:{wrong.port}/wrong:broken")


def test_images_that_are_not_there(server, lab, wrong):
    refused(server, lab, f"127.0.0.1:{wrong.port}/wrong:missing", "not found")
    refused(server, lab, f"127.0.0.1:{free_port()}/nobody:home", "connection refused")
    refused(server, lab, f"127.0.0.1:{wrong.port}/wrong@sha256:{'0' * 64}", "not found")


def test_a_manifest_of_another_digest(server, lab, wrong):
    wrong.image("real", images.busybox_layer({"x": b"real"}))
    wrong.manifests[f"sha256:{'1' * 64}"] = wrong.manifests["real"]
    refused(server, lab, f"127.0.0.1:{wrong.port}/wrong@sha256:{'1' * 64}")


def test_a_good_image_after_all_the_bad_ones(lab):
    assert lab.run("echo fine") == ["fine"]
