"""A real `swaplab serve` for a test: a process of its own, on free ports, with a configuration written on the spot.

`running_swaplab` is the whole of it. What a test leaves behind is a failure: when the block ends the daemon must obey
SIGTERM, nothing it started may live, its engines' ports must be free, and its log must hold no traceback.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from attrs import define, frozen
from nursery import hatch

from swaplab_core.testing.network import LOOPBACK
from swaplab_core.testing.real_process import RealProcess, running_process
from swaplab_core.testing.sim_process import SIM_ARGV
from swaplab_core.testing.waiting import wait_until

SWAPLAB = Path(sys.executable).with_name("swaplab")
"""The installed command."""
MARK = "SWAPLAB_TEST_MARK"
"""An environment variable that everything started by one daemon inherits, so that a test can find the last of it."""

PORTS = 20
BLOCK = 128
PORT_BLOCKS = range(20_000, 32_000, BLOCK)
"""Where blocks of ports begin, below the range from which the system hands out ports."""
ANSWER_SECONDS = 60.0
_OF_INTERPRETERS = re.compile("PYTHON|SSL_|LD_|TMPDIR|TZ")
"""Variables that are read when Python begins, or once."""


@frozen
class Answer:
    """One whole response."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)

    @property
    def said(self) -> str:
        """What the model said, in a whole chat completion."""
        assert self.status == 200, self.text
        return str(self.json()["choices"][0]["message"]["content"])

    @property
    def error(self) -> dict[str, Any]:
        """The error object, checked for its shape."""
        error = self.json()["error"]
        assert error.keys() >= {"message", "type", "param", "code"}, error
        assert self.headers["Content-Type"].startswith("application/json")
        return dict(error)


@define(eq=False)
class Swaplab:
    """A daemon that listens. `ports` are those its models get, `config` is its file."""

    process: RealProcess
    port: int
    ports: range
    mark: str
    config: Path = Path()
    _forgotten: int = 0

    @property
    def url(self) -> str:
        """Where it listens, as `http://127.0.0.1:PORT`."""
        return f"http://{LOOPBACK}:{self.port}"

    def log(self) -> str:
        """Everything it has printed."""
        return self.process.output()

    def wait_for_log(self, text: str) -> None:
        """Return when it has printed this; a thread of its own prints, so a line may be late."""
        wait_until(lambda: text in self.log(), f"{text!r} in the log:\n{self.log()}")

    def whole_log(self) -> str:
        """The log with everything that was to be printed until now: it waits for the line of a request of its own."""
        mark = f"/api/models?until={uuid.uuid4().hex}"
        if self.process.popen.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):  # it may print no requests
                self.ask("GET", mark)
                wait_until(lambda: mark in self.log(), f"{mark!r} in the log", deadline_seconds=10.0)
        return self.log()

    def starts(self) -> list[str]:
        """The models in the order in which their engines were started, read off its log."""
        return re.findall(r"\[INFO\] (\S+): started, pid \d+", self.whole_log()[self._forgotten :])

    def renew(self) -> Self:
        """Unload everything and forget the starts: one daemon for several tests."""
        assert self.ask("GET", "/unload").status == 200
        self._forgotten = len(self.whole_log())
        return self

    @contextlib.contextmanager
    def asking(
        self,
        method: str,
        path: str,
        *,
        json_body: object = None,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Send one request on a connection of its own; the connection is closed at the end of the block."""
        if json_body is not None:
            body, headers = json.dumps(json_body).encode(), {"Content-Type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers or {}))
            yield connection.getresponse()

    def ask(
        self,
        method: str,
        path: str,
        *,
        json_body: object = None,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and read the whole answer."""
        with self.asking(method, path, json_body=json_body, body=body, headers=headers) as response:
            return read_answer(response)

    @property
    def admin_token(self) -> str:
        """The token that it has made at its start."""
        return (self.config.parent / "state" / "swaplab" / "admin-token").read_text().strip()

    def ask_as_admin(self, method: str, path: str, **more: Any) -> Answer:
        """Send one request with the admin token."""
        headers = {"Authorization": f"Bearer {self.admin_token}", "X-Swaplab": "1", **more.pop("headers", {})}
        return self.ask(method, path, headers=headers, **more)

    def chat(self, model: str, **more: object) -> Answer:
        """Ask a model something, not streamed."""
        return self.ask("POST", "/v1/chat/completions", json_body=chat_body(model, **more))

    @contextlib.contextmanager
    def streaming(self, model: str, **more: object) -> Iterator[http.client.HTTPResponse]:
        """Ask a model something, streamed; the head has arrived."""
        with self.asking("POST", "/v1/chat/completions", json_body=chat_body(model, stream=True, **more)) as response:
            yield response

    @contextlib.contextmanager
    def waiting(self, model: str) -> Iterator[Callable[[], Answer]]:
        """A client that waits in the queue of a model when the block begins, and leaves at its end.

        Gives a function that reads the answer.
        """
        queued = self.model(model)["waiting"]
        connection = http.client.HTTPConnection(LOOPBACK, self.port)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", json.dumps(chat_body(model)))
            self.wait_for(model, waiting=queued + 1)
            yield lambda: read_answer(connection.getresponse())

    def stream(self, model: str, **more: object) -> list[Any]:
        """All events of a stream that must end well, decoded."""
        with self.streaming(model, **more) as response:
            assert response.status == 200, response.read()
            events = event_data(response.read())
        assert events.pop() == "[DONE]"
        return [json.loads(event) for event in events]

    def models(self) -> dict[str, dict[str, Any]]:
        """What /api/models says, by id."""
        return {model["id"]: model for model in self.ask("GET", "/api/models").json()["models"]}

    def model(self, model: str) -> dict[str, Any]:
        """What /api/models says of one."""
        return self.models()[model]

    def wait_for(self, model: str, **wanted: object) -> dict[str, Any]:
        """Return the record of a model as soon as it has these values, for example `state="ready", serving=0`."""
        return wait_until(
            lambda: record if wanted.items() <= (record := self.model(model)).items() else None,
            f"{model} with {wanted}",
        )

    def sim_requests(self, model: str) -> list[dict[str, Any]]:
        """What a simulated engine that runs has received, asked behind the daemon's back."""
        connection = http.client.HTTPConnection(LOOPBACK, int(self.model(model)["base_url"].rpartition(":")[2]))
        with contextlib.closing(connection):
            connection.request("GET", "/sim/requests")
            return list(json.load(connection.getresponse()))

    def write(self, models: Mapping[str, Mapping[str, object]], **top: object) -> None:
        """Put other models, and other keys, into its file at once, as a careful editor does."""
        self.write_text(config_text({"startPort": self.ports.start, **top, "models": models}))

    def write_text(self, text: str) -> None:
        """Put this text into its file, at once."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    def reload(self, models: Mapping[str, Mapping[str, object]], **top: object) -> str:
        """Write, send SIGHUP and return what the log says of the changes, when they are in force."""
        already = len(self.reloads())
        self.write(models, **top)
        self.process.send(signal.SIGHUP)
        wait_until(lambda: len(_reloads(self.log())) > already, f"the reload; the log says:\n{self.log()}")
        return self.reloads()[-1]

    def reloads(self) -> list[str]:
        """What each reload has changed, read off its log."""
        return _reloads(self.whole_log())

    def living(self) -> list[int]:
        """Pids of the daemon and everything that descends from it, whatever has become of its parents."""
        own = [] if self.process.popen.poll() is not None else [self.process.pid]  # a fork: without the mark
        return sorted({*marked_processes(self.mark), *own})


def _reloads(log: str) -> list[str]:
    return re.findall(r"\[INFO\] configuration reloaded: (.*)", log)


def read_answer(response: http.client.HTTPResponse) -> Answer:
    """Read to the end."""
    return Answer(response.status, response.reason, response.headers, response.read())


def chat_body(model: str, **more: object) -> dict[str, object]:
    """The body of a short chat."""
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}


def event_data(stream: bytes) -> list[str]:
    """The data of each server-sent event."""
    return [line.removeprefix("data: ") for line in stream.decode().split("\n") if line.startswith("data: ")]


def said(events: list[Any]) -> str:
    """What the model said in the events of a streamed chat."""
    choices = [choice for event in events for choice in event["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def sim(*arguments: str) -> dict[str, Any]:
    """Make a model entry with a simulated engine."""
    return {"cmd": command(*SIM_ARGV, "--port", "${PORT}", *arguments)}


def command(*argv: str | Path) -> str:
    """Write a command line for `cmd`."""
    return shlex.join(str(part) for part in argv)


def config_text(value: Mapping[str, object], indent: str = "") -> str:
    """Write a mapping as YAML; everything that is no mapping is written as JSON, which is YAML too."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            lines.append(f"{indent}{json.dumps(key)}:\n{config_text(inner, indent + '  ')}")
        else:
            lines.append(f"{indent}{json.dumps(key)}: {json.dumps(inner)}\n")
    return "".join(lines)


@contextlib.contextmanager
def running_swaplab(
    folder: Path,
    models: Mapping[str, Mapping[str, object]],
    *options: str,
    env: Mapping[str, str] | None = None,
    killed: bool = False,
    executed: bool = False,
    **top: object,
) -> Iterator[Swaplab]:
    """Serve these models inside the block, with `top` as further keys of the file and `options` of the command line.

    `killed` says that the test ends the daemon by itself, in whatever way; `executed` that the installed command is
    run, which takes a second of processor time more than a daemon from the nursery.
    """
    mark = uuid.uuid4().hex
    config, log = folder / f"{mark}.yaml", folder / f"{mark}.log"
    argv = [str(part) for part in (SWAPLAB, "serve", "--config", config, "--listen", f"{LOOPBACK}:0", *options)]
    env = {"XDG_STATE_HOME": str(folder / "state"), MARK: mark, **(env or {})}
    start = running_process if executed or any(map(_OF_INTERPRETERS.match, env)) else _hatched
    with contextlib.ExitStack() as until_the_end:
        ports = until_the_end.enter_context(leased_ports(max(PORTS, len(models))))
        config.write_text(config_text({"startPort": ports.start, **top, "models": models}))
        process = until_the_end.enter_context(start(argv, log, env=env))
        port = int(process.wait_for_output(r"serves at https?://127\.0\.0\.1:(\d+)")[1])
        swaplab = Swaplab(process, port, ports, mark, config)
        yield swaplab
        if not killed:
            assert process.terminate() == 0, swaplab.log()
        assert_nothing_left(swaplab)


def run_swaplab(
    *arguments: str | Path, env: Mapping[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with `text` as its input and `env` added to our environment."""
    argv = [str(part) for part in (SWAPLAB, *arguments)]
    with contextlib.ExitStack() as open_until_read:
        streams = [open_until_read.enter_context(tempfile.TemporaryFile("w+")) for _ in range(3)]
        streams[0].write(text)
        streams[0].seek(0)
        process = hatch(argv, {**os.environ, **(env or {})}, *(stream.fileno() for stream in streams))
        try:
            process.wait(2 * ANSWER_SECONDS)
        finally:
            process.send_signal(signal.SIGKILL)
        for stream in streams:
            stream.seek(0)
        return subprocess.CompletedProcess(argv, process.wait(), streams[1].read(), streams[2].read())


@contextlib.contextmanager
def _hatched(argv: list[str], output_file: Path, *, env: Mapping[str, str]) -> Iterator[RealProcess]:
    """`running_process` by the nursery."""
    with output_file.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        process = RealProcess(hatch(argv, {**os.environ, **env}, *streams), output_file)
    try:
        yield process
    finally:
        process.kill_group()


def assert_nothing_left(swaplab: Swaplab) -> None:
    """No process, no port, and no mistake in the log."""
    wait_until(lambda: not swaplab.living(), f"processes {swaplab.living()} to be gone")
    wait_until(lambda: all(map(is_free, swaplab.ports)), f"ports of {swaplab.ports} to be free")
    assert "Traceback" not in swaplab.log(), swaplab.log()
    assert "Task exception" not in swaplab.log(), swaplab.log()


def marked_processes(mark: str) -> list[int]:
    """Pids of living processes that have inherited the mark. Empty where there is no /proc."""
    wanted = f"{MARK}={mark}".encode()
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if wanted in _environment(folder)]


def _environment(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")  # of a zombie it is empty
    except OSError:
        return []


@contextlib.contextmanager
def leased_ports(count: int = PORTS) -> Iterator[range]:
    """A run of ports that nobody listens on, and that no other test on this machine gets before the block ends.

    The first port of a block of ports stands for the block: it is held, so that the next test finds it taken.
    """
    assert count < BLOCK
    for start in random.sample(PORT_BLOCKS, len(PORT_BLOCKS)):
        ports = range(start + 1, start + 1 + count)
        with socket.socket() as lease:
            try:
                lease.bind((LOOPBACK, start))
            except OSError:
                continue
            if all(map(is_free, ports)):
                yield ports
                return
    raise AssertionError(f"no {count} free ports in a row in {PORT_BLOCKS}")


def is_free(port: int) -> bool:
    """Could an engine listen there now? Connections that linger in TIME_WAIT do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
