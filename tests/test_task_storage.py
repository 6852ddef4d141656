"""What containers keep: their own root, shared volumes, the image's volumes, and how much in all."""

import images

HELLO = b"seeded\n"


def test_shared_volumes(lab):
    """Both see one folder; a read-only mount refuses; volumesFrom takes over what another mounts."""
    mount = {"sourceVolume": "shared", "containerPath": "/data"}
    task = lab.start(
        lab.container("echo one > /data/one", name="writer", essential=False, mountPoints=[mount]),
        lab.container(
            "cat /read/one; (echo x > /read/two) 2> /dev/null || echo refused", name="reader", essential=False,
            mountPoints=[{"sourceVolume": "shared", "containerPath": "/read", "readOnly": True}],
            dependsOn=[{"containerName": "writer", "condition": "SUCCESS"}],
        ),
        lab.container(
            "cat /data/one; (echo x > /data/three) 2> /dev/null || echo refused", name="taker", essential=False,
            volumesFrom=[{"sourceContainer": "writer", "readOnly": True}],
            dependsOn=[{"containerName": "writer", "condition": "SUCCESS"}],
        ),
        lab.container(
            "cat /data/one; echo y > /data/four && echo written",
            volumesFrom=[{"sourceContainer": "writer"}],
            dependsOn=[{"containerName": name, "condition": "COMPLETE"} for name in ("reader", "taker")],
        ),
        volumes=[{"name": "shared"}],
    )
    stopped = task.stopped()
    assert stopped["stopCode"] == "EssentialContainerExited", stopped["stoppedReason"]
    for name in ("reader", "taker"):
        assert task.lines(name) == ["one", "refused"]
    assert task.lines() == ["one", "written"]


def test_volumes_of_images(lab):
    """A VOLUME starts with what the image has there, with its owner; also when a named volume is mounted over it."""
    layers = [images.busybox_layer({"seed/hello": HELLO})]
    image = lab.push("volume", layers, {"Volumes": {"/seed": {}}})
    script = "cat /seed/hello; echo more >> /seed/hello && echo written"
    lines = lab.run_each({"own": {"image": image, "script": script, "readonlyRootFilesystem": True}})
    assert lines["own"] == ["seeded", "written"]
    task = lab.start(
        lab.container(script, image=image, name="first", essential=False,
                      mountPoints=[{"sourceVolume": "named", "containerPath": "/seed"}]),
        lab.container("cat /seen/hello", dependsOn=[{"containerName": "first", "condition": "SUCCESS"}],
                      mountPoints=[{"sourceVolume": "named", "containerPath": "/seen"}]),
        volumes=[{"name": "named"}],
    )
    task.stopped()
    assert task.lines() == ["seeded", "more"]


def test_roots_are_private(lab):
    """Containers of one image don't see each other's files, nor the next task theirs."""
    script = "ls /left 2> /dev/null || echo clean; touch /left"
    assert lab.run_each({"one": {"script": script}, "two": {"script": script}}) == {"one": ["clean"], "two": ["clean"]}
    assert lab.run(script) == ["clean"]


def test_ephemeral_storage_is_bounded(lab):
    """The root and the volumes of all containers share the task's storage; asking for more than there is fails."""
    script = (
        "df -m / | tail -1 | awk '{print $2}'; fallocate -l 30g /big 2>&1; rm -f /big; "
        "fallocate -l 15g /first && echo first; fallocate -l 15g /data/second 2> /dev/null || echo full"
    )
    fields = {"ephemeralStorage": {"sizeInGiB": 21}, "volumes": [{"name": "data"}]}
    task = lab.start(
        lab.container(script, mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}]), **fields
    )
    task.stopped()
    size, error, *rest = task.lines()
    assert 20 * 1024 < int(size) <= 21 * 1024
    assert "No space left on device" in error
    assert rest == ["first", "full"]
