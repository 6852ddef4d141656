"""The image of the tests' web server: Debian's Python with what it links to, and workload/server.py."""

import io
import os
import re
import subprocess
import tarfile
from functools import cache
from pathlib import Path

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).resolve().parent / "workload/server.py"

# Nothing of the server needs these, and they are most of the standard library's size.
LEFT_OUT = re.compile(
    r"/(test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|distutils|pydoc_data|site-packages|dist-packages|config-[^/]*)(/|$)"
)


@cache
def python_layer() -> bytes:
    """The interpreter, its standard library and every shared library that they need."""
    python = Path(os.path.realpath(PYTHON))
    asked = [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]
    library = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        binaries = [python, *(path for path in library.rglob("*.so") if not LEFT_OUT.search(str(path)))]
        for path in sorted({python, *shared_libraries(binaries)}):
            archive.add(os.path.realpath(path), str(path)[1:])
        for path in sorted(library.rglob("*")):
            if path.is_file() and not LEFT_OUT.search(str(path)):
                archive.add(path, str(path)[1:])
        link = tarfile.TarInfo("usr/bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, str(python)
        archive.addfile(link)
    return buffer.getvalue()


def shared_libraries(binaries: list[Path]) -> set[Path]:
    output = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return {Path(found) for found in re.findall(r"(?:=> |^\s+)(/\S+) \(", output, re.MULTILINE)}


def server_layer() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(SERVER, "app/server.py")
    return buffer.getvalue()


CONFIG = {"Cmd": ["/usr/bin/python", "-I", "-S", "/app/server.py"], "Env": ["PATH=/bin:/usr/bin", "PYTHONUNBUFFERED=1"]}
