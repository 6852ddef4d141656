"""The registry as the tools of a stock Debian host use it: no option, no configuration."""

import base64
import json
import shutil
import subprocess
import uuid

import pytest

import images
from conftest import registry_password


@pytest.fixture
def repository(client) -> str:
    name = f"clients/{uuid.uuid4().hex[:8]}"
    return client("ecr").create_repository(repositoryName=name)["repository"]["repositoryUri"]


@pytest.fixture
def password(client) -> str:
    return registry_password(client("ecr"))


def run(*command: str, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, done.stderr
    return done


def test_skopeo_pushes_inspects_and_pulls(repository, password, busybox_archive, tmp_path):
    images.skopeo_copy(f"oci-archive:{busybox_archive}", f"docker://{repository}:v1", password)
    inspected = json.loads(run("skopeo", "inspect", "--creds", f"AWS:{password}", f"docker://{repository}:v1").stdout)
    assert inspected["RepoTags"] == ["v1"]
    assert inspected["Architecture"] == images.ARCHITECTURE
    run("skopeo", "copy", "--src-creds", f"AWS:{password}", f"docker://{repository}:v1", f"dir:{tmp_path}/pulled")
    assert (tmp_path / "pulled/manifest.json").exists()
    # A second tag needs no layer again.
    images.skopeo_copy(f"oci-archive:{busybox_archive}", f"docker://{repository}:v2", password)


def test_what_was_pushed_is_what_ecr_describes(client, repository, password, busybox_archive):
    images.skopeo_copy(f"oci-archive:{busybox_archive}", f"docker://{repository}:v1", password)
    name = repository.split("/", 1)[1]
    (image,) = client("ecr").describe_images(repositoryName=name)["imageDetails"]
    assert image["imageTags"] == ["v1"]
    (got,) = client("ecr").batch_get_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])["images"]
    assert got["imageId"]["imageDigest"] == image["imageDigest"]
    assert json.loads(got["imageManifest"])["layers"]


@pytest.mark.skipif(not shutil.which("buildah"), reason="buildah is not installed")
def test_buildah_pushes(repository, password, busybox_archive, tmp_path):
    storage = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs"]
    try:
        name = run("buildah", *storage, "pull", "--quiet", f"oci-archive:{busybox_archive}").stdout.strip()
        run("buildah", *storage, "push", "--quiet", "--creds", f"AWS:{password}", name, f"docker://{repository}:built")
    finally:
        run("buildah", *storage, "rmi", "--all", "--force", check=False)
    assert "built" in run("skopeo", "list-tags", "--creds", f"AWS:{password}", f"docker://{repository}").stdout


def test_neargate_pushes_a_docker_archive(server, client, repository, tmp_path):
    archive = tmp_path / "image.tar"
    images.docker_archive(archive, images.busybox_layer())
    server.run("image", "push", str(archive), f"{repository}:saved")
    name = repository.split("/", 1)[1]
    assert client("ecr").list_images(repositoryName=name)["imageIds"][0]["imageTag"] == "saved"


def test_neargate_pushes_a_folder(server, client, repository, tmp_path):
    (tmp_path / "root/bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", tmp_path / "root/bin/busybox")
    server.run("image", "push", str(tmp_path / "root"), f"{repository}:folder", "--cmd", "/bin/busybox")
    name = repository.split("/", 1)[1]
    assert client("ecr").list_images(repositoryName=name)["imageIds"][0]["imageTag"] == "folder"


@pytest.mark.parametrize("wrong", ["nonsense", base64.b64encode(b"x" * 300).decode()])
def test_a_wrong_password_is_refused(repository, wrong):
    done = run("skopeo", "list-tags", "--creds", f"AWS:{wrong}", f"docker://{repository}", check=False)
    assert done.returncode != 0
    assert "denied" in done.stderr.lower() or "unauthorized" in done.stderr.lower(), done.stderr


def test_a_repository_that_is_not_there(repository, password, busybox_archive):
    target = f"docker://{repository}-missing:v1"
    command = ["skopeo", "copy", "--dest-creds", f"AWS:{password}", f"oci-archive:{busybox_archive}", target]
    done = run(*command, check=False)
    assert done.returncode != 0
    assert "does not exist in the registry" in done.stderr, done.stderr


def test_a_password_ends_with_its_user(server, client, repository):
    iam = client("iam")
    iam.create_user(UserName="pusher")
    key = iam.create_access_key(UserName="pusher")["AccessKey"]
    own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    password = registry_password(server.client("ecr", **own))
    run("skopeo", "list-tags", "--creds", f"AWS:{password}", f"docker://{repository}")
    iam.delete_access_key(UserName="pusher", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="pusher")
    done = run("skopeo", "list-tags", "--creds", f"AWS:{password}", f"docker://{repository}", check=False)
    assert done.returncode != 0
