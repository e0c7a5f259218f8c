"""A real Docker engine for tests: folders and a socket of its own, no network of its own, gone at the end.

Images are built from nothing, out of programs of this machine and the libraries they need, so no registry is asked.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess  # noqa: TID251 - the test kit drives processes from outside
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import field, frozen

from swaplab_core.testing.real_process import RealProcess, running_process

ADVICE = "apt install docker.io, and be root on a machine that may make containers"
STORAGE = ("overlay2", "vfs")
"""What an engine may keep images in, the quicker one first; over some file systems only the second works."""
START_SECONDS = 30.0
STOP_SECONDS = 30.0
COMMAND_SECONDS = 60.0

_LIBRARY = re.compile(r"(/\S+) \(0x")
_FLAGS = ("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none")


@frozen
class Dockerd:
    """An engine that runs. `url` is its address, `folder` what is its own."""

    folder: Path
    process: RealProcess = field(repr=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.folder / 's'}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes docker's command line talk to it."""
        return {"DOCKER_HOST": self.url, "DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": str(self.folder)}

    def docker(self, *words: str, stdin: bytes = b"", check: bool = True) -> str:
        """Run docker's command line, and answer what it prints."""
        done = subprocess.run(  # noqa: S603 - an argv list, and the test's own
            ["docker", *words],  # noqa: S607 - the one on PATH
            input=stdin,
            capture_output=True,
            check=False,
            timeout=COMMAND_SECONDS,
            env={**os.environ, **self.environment},
        )
        said = done.stdout.decode(errors="replace")
        assert done.returncode == 0 or not check, f"docker {' '.join(words)}: {said}{done.stderr.decode()}"
        return said.strip()

    def containers(self) -> list[str]:
        """The names of all containers, those that have ended too."""
        return sorted(self.docker("ps", "--all", "--format", "{{.Names}}").split())

    def build(
        self,
        name: str,
        programs: Sequence[Path],
        *,
        files: Mapping[str, bytes] | None = None,
        entrypoint: Sequence[str] = (),
    ) -> str:
        """Build an image FROM scratch: these programs in /bin, what they are linked with in /lib, and `files`."""
        words = ", ".join(f'"{word}"' for word in entrypoint)
        lines = ["FROM scratch", "COPY root /", "ENV LD_LIBRARY_PATH=/lib PATH=/bin", f"ENTRYPOINT [{words}]"]
        self.docker("build", "--tag", name, "-", stdin=_context("\n".join(lines), programs, files or {}))
        return name


@contextmanager
def running_dockerd() -> Iterator[Dockerd | str]:
    """An engine inside the block; when none can be started here, why not."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("dockerd", "docker"))):
        yield "dockerd and docker are not here, or this is not root"
        return
    said = ""
    for storage in STORAGE:
        with ExitStack() as until_the_end:
            engine = until_the_end.enter_context(_started(storage))
            if isinstance(engine, Dockerd):
                yield engine
                return
            said = engine
    yield said


@contextmanager
def _started(storage: str) -> Iterator[Dockerd | str]:
    folder = Path(tempfile.mkdtemp(prefix="swaplab-dockerd-"))  # short: a socket's path has at most 107 bytes
    places = ("--host", f"unix://{folder / 's'}", "--data-root", folder / "data", "--exec-root", folder / "exec")
    argv = ("dockerd", *places, "--pidfile", folder / "pid", *_FLAGS, f"--storage-driver={storage}")
    try:
        with running_process(argv, folder / "log") as process:
            try:
                process.wait_for_output(r"API listen on", deadline_seconds=START_SECONDS)
            except AssertionError:
                yield f"dockerd with {storage} does not start here: {process.output()[-500:]}"
                return
            engine = Dockerd(folder, process)
            try:
                yield engine
            finally:
                _end(engine)
    finally:
        _unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end(engine: Dockerd) -> None:
    """Remove the containers: what still runs would outlive the engine."""
    left = engine.docker("ps", "--all", "--quiet", check=False).split()
    if left:
        engine.docker("rm", "--force", *left, check=False)
    engine.process.terminate(STOP_SECONDS)


def _unmount_below(folder: Path) -> None:
    """The engine leaves the mount of its default network namespace behind."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)  # noqa: S603, S607 - below a folder of the test's own


def _context(dockerfile: str, programs: Sequence[Path], files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, "Dockerfile", dockerfile.encode())
        for name, data in files.items():
            _add(tar, f"root/{name}", data)
        for inside, path in _with_libraries(programs).items():
            _add(tar, f"root/{inside}", path.read_bytes(), mode=0o755)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def _with_libraries(programs: Sequence[Path]) -> dict[str, Path]:
    """Where each file stands inside; the loader stands where programs ask for it."""
    found: dict[str, Path] = {}
    for program in programs:
        found[f"bin/{program.name}"] = program
        for library in _libraries(program):
            place = str(library).lstrip("/") if library.name.startswith("ld-") else f"lib/{library.name}"
            found[place] = library
    return found


def _libraries(program: Path) -> list[Path]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607 - for tests
    return [Path(path) for path in _LIBRARY.findall(said)]
