"""A twin of docker's command line: containers are folders, their processes live in sessions of their own.

The state is in the folder that SWAPLAB_FAKE_DOCKER names: one folder for each container, and `calls.jsonl` with the
argv of every call. As with the real one, the output of a container goes to a log and not through the client, `run`
passes SIGTERM on and `exec` does not, and only `stop` and `rm -f` end what runs inside.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess  # noqa: TID251 - the test kit drives processes from outside
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

STATE = "SWAPLAB_FAKE_DOCKER"
INSIDE = "SWAPLAB_KIT_INSIDE"
VALUED = frozenset(
    {
        "--name", "--label", "-v", "--volume", "-e", "--env", "-p", "--publish", "--network", "--gpus", "--shm-size",
        "--ulimit", "--device", "--entrypoint", "-t", "--memory", "--filter", "--format", "--time", "--pids-limit",
    }
)  # fmt: skip
TICK_SECONDS = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    """Do what docker would."""
    words = list(sys.argv[1:] if argv is None else argv)
    with (_state() / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    verb, *rest = words or ["help"]
    commands = {
        "run": _run, "exec": _exec, "rm": _remove, "stop": _remove, "ps": _list, "image": _image, "images": _images,
        "pull": _pull,
    }  # fmt: skip
    if verb not in commands:
        return _fail(f"docker: '{verb}' is not a docker command.", 125)
    return commands[verb](rest)


def _state() -> Path:
    state = Path(os.environ[STATE])
    state.mkdir(parents=True, exist_ok=True)
    return state


def _fail(message: str, code: int = 1) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def _split(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Split into options with their values, and what follows them."""
    options: list[tuple[str, str]] = []
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        flag, equals, value = word.partition("=")
        options.append((flag, value if equals else rest.pop(0) if flag in VALUED else ""))
    return options, rest


def _run(words: Sequence[str]) -> int:
    options, rest = _split(words)
    image, *command = rest
    name = dict(options).get("--name", f"c{os.getpid()}")
    folder = _state() / name
    try:
        folder.mkdir()
    except FileExistsError:
        return _fail(
            f'docker: Error response from daemon: Conflict. The container name "/{name}" is already in use.', 125
        )
    labels = [value for flag, value in options if flag == "--label"]
    (folder / "config.json").write_text(json.dumps({"image": image, "labels": labels, "options": options}))
    flags = {flag for flag, _ in options}
    argv = _with_entrypoint(image, command)
    if argv[:2] == ["sleep", "infinity"]:
        sys.stdout.write(f"{name}\n")
        return 0
    process = _start(folder, argv, _environment(options))
    if "-d" in flags:
        sys.stdout.write(f"{name}\n")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGTERM))
    code = _follow(folder, process)
    if "--rm" in flags:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _with_entrypoint(image: str, command: list[str]) -> list[str]:
    """Give llama.cpp's images the entrypoint that they have."""
    return ["llama-server", *command] if "llama" in image and command[:1] != ["llama-server"] else command


def _exec(words: Sequence[str]) -> int:
    options, rest = _split(words)
    name, *command = rest
    folder = _state() / name
    if not folder.is_dir():
        return _fail(f"Error response from daemon: No such container: {name}")
    if command[:2] == ["sh", "-c"]:
        command[2] = command[2].replace("/proc/", f"{_own_proc(folder)}/")
    return _follow(folder, _start(folder, command, _environment(options)))


def _environment(options: Sequence[tuple[str, str]]) -> dict[str, str]:
    env = dict(os.environ)
    env.pop("SWAPLAB_LAUNCH", None)  # a container is no descendant of who runs the command
    env["PATH"] = f"{env.get(INSIDE, '')}:{env['PATH']}"
    for flag, value in options:
        if flag in {"-e", "--env"}:
            variable, equals, text = value.partition("=")
            env[variable] = text if equals else os.environ.get(variable, "")
    return env


def _start(folder: Path, argv: Sequence[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - whatever a test runs
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=env
        )
    with (folder / "pids").open("a") as pids:
        pids.write(f"{process.pid}\n")
    return process


def _follow(folder: Path, process: subprocess.Popen[bytes]) -> int:
    """Show the log until the process ends."""
    with (folder / "log").open("rb") as log:
        while True:
            over = process.poll() is not None
            sys.stdout.buffer.write(log.read())
            sys.stdout.flush()
            if over:
                return process.returncode
            time.sleep(TICK_SECONDS)


def _living(folder: Path) -> list[psutil.Process]:
    """Everything that runs inside: what was started, and what that started. Each leads a session of its own."""
    import psutil  # noqa: PLC0415 - it takes long to load, and most calls do without

    found: list[psutil.Process] = []
    pids = folder / "pids"
    for line in pids.read_text().splitlines() if pids.exists() else ():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(int(line)) == int(line):
                process = psutil.Process(int(line))
                found += [process, *process.children(recursive=True)]
    return found


def _own_proc(folder: Path) -> Path:
    """The container's own /proc: what runs inside, and nothing of this machine."""
    view = folder / "proc"
    shutil.rmtree(view, ignore_errors=True)
    view.mkdir()
    for process in _living(folder):
        (view / str(process.pid)).symlink_to(f"/proc/{process.pid}")
    return view


def _remove(words: Sequence[str]) -> int:
    names = [word for word in _split([word for word in words if word != "-f"])[1] if not word.isdigit()]
    missing = [name for name in names if not (_state() / name).is_dir()]
    for name in names:
        folder = _state() / name
        _kill(_living(folder) if (folder / "pids").exists() else [])
        shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.write("" if name in missing else f"{name}\n")
    return _fail(f"Error response from daemon: No such container: {missing[0]}") if missing else 0


def _kill(processes: list[psutil.Process]) -> None:
    if not processes:
        return
    import psutil  # noqa: PLC0415 - as above

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def _list(_: Sequence[str]) -> int:
    for folder in sorted(_state().iterdir()):
        if folder.is_dir():
            config = json.loads((folder / "config.json").read_text())
            entry = {
                "Names": folder.name,
                "Image": config["image"],
                "State": "running",
                "Labels": ",".join(config["labels"]),
            }
            sys.stdout.write(json.dumps(entry) + "\n")
    return 0


def _known_images() -> list[str]:
    listing = _state() / "images.txt"
    return listing.read_text().split() if listing.exists() else []


def _image(words: Sequence[str]) -> int:
    image = _split(words[1:])[1][0]
    known = _known_images()
    if known and image not in known:
        return _fail(f"Error response from daemon: No such image: {image}")
    sys.stdout.write(f"sha256:{image}\n")
    return 0


def _images(_: Sequence[str]) -> int:
    for image in _known_images():
        repository, _, tag = image.rpartition(":")
        sys.stdout.write(
            json.dumps({"Repository": repository, "Tag": tag, "ID": f"sha256:{image}", "Size": "1GB"}) + "\n"
        )
    return 0


def _pull(words: Sequence[str]) -> int:
    image = words[-1]
    if "missing" in image:
        return _fail(f"Error response from daemon: manifest for {image} not found")
    for layer in ("0123456789ab", "ba9876543210"):
        for state in ("Pulling fs layer", "Download complete", "Pull complete"):
            sys.stdout.write(f"{layer}: {state}\n")
            sys.stdout.flush()
    sys.stdout.write(f"Status: Downloaded newer image for {image}\n")
    with (_state() / "images.txt").open("a") as listing:
        listing.write(f"{image}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
