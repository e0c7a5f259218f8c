"""What swaplab adds to a swap: the time from a request to the first byte of its answer, while another model must go.

    python -m benchmarks.swap [--rounds 30] [--json]

Two tiny scripted models under a real llama-server. On one side a request to a running `swaplab serve`; on the other a
shell script that does the least that can be done: kill the one server, wait for its exit, start the other, ask
`/health` every 5 ms, send the request. The script forks nothing but the server, so it is a hard bar. The rounds of both
sides take turns. Prints medians, the median of the differences round by round, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from swaplab_core.testing.llama_server import ADVICE, find_llama_server
from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.tiny_gguf import write_tiny_gguf

MODELS = ("a", "b")
ARGUMENTS = f"--host {LOOPBACK} -c 2048 -np 1 -t 2"
DEADLINE_SECONDS = 30.0

SCRIPT = r"""
server=$1 folder=$2 port=$3 arguments=$4 pid=
exec {never}<> <(:)  # nothing ever comes out of it: `read -t` from it is a pause without a fork

ask() {  # ask METHOD PATH BODY: opens $reply
    { exec {reply}<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
    printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' "$1" "$2" >&$reply
    printf 'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' "${#3}" "$3" >&$reply
}
is_healthy() {
    local status=
    ask GET /health '' || return 1
    read -r _ status _ <&$reply
    exec {reply}>&-
    [[ $status == 200 ]]
}
trap '[[ -n $pid ]] && kill "$pid" && wait "$pid"' EXIT
while read -r model body; do
    [[ -n $pid ]] && kill "$pid" && wait "$pid"
    "$server" -m "$folder/$model.gguf" --port "$port" $arguments >/dev/null 2>&1 {never}>&- &
    pid=$!
    until is_healthy; do read -r -t 0.005 -u "$never"; done
    ask POST /v1/chat/completions "$body"
    IFS= read -r line <&$reply
    printf '%s\n' "$line"
    while IFS= read -r line; do :; done <&$reply
    exec {reply}>&-
    echo complete
done
"""


def find_fixed_ports(count: int) -> int:
    """The first of so many free ports, below those that the system gives to outgoing connections."""
    for first in random.sample(range(20000, 30000, count), 100):
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server((LOOPBACK, port)))
            return first
    raise SystemExit("no free ports between 20000 and 30000")


def chat(model: str) -> bytes:
    """The body of a streaming request."""
    message = {"role": "user", "content": "Hello"}
    return json.dumps({"model": model, "stream": True, "messages": [message]}).encode()


class Script:
    """The shell script, told what to swap to on its standard input."""

    def __init__(self, popen: subprocess.Popen):
        self.popen = popen

    def swap(self, model: str) -> float:
        """Seconds from the request to the first line of the answer."""
        began = time.perf_counter()
        self.popen.stdin.write(b"%s %s\n" % (model.encode(), chat(model)))
        first = self.popen.stdout.readline()
        seconds = time.perf_counter() - began
        if b" 200 " not in first or self.popen.stdout.readline() != b"complete\n":
            raise SystemExit(f"the script got no answer from {model}: {first!r}")
        return seconds


class Swaplab:
    """A running `swaplab serve`, asked over a socket of its own for each request."""

    def __init__(self, port: int):
        self.port = port

    def swap(self, model: str) -> float:
        """Seconds from the first byte sent to the first byte received."""
        body = chat(model)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {LOOPBACK}:{self.port}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        began = time.perf_counter()
        with socket.create_connection((LOOPBACK, self.port), DEADLINE_SECONDS) as connection:
            connection.sendall(head.encode() + body)
            answer = connection.recv(65536)
            seconds = time.perf_counter() - began
            while chunk := connection.recv(65536):
                answer += chunk
        if b" 200 " not in answer[:15] or b"[DONE]" not in answer:
            raise SystemExit(f"swaplab gave no answer from {model}: {answer[:2000]!r}")
        return seconds


@contextmanager
def running_script(server: Path, folder: Path):
    """The script; it ends its server when its standard input ends."""
    argv = ["bash", "-c", SCRIPT, "swap", server, folder, str(find_fixed_ports(1)), ARGUMENTS]
    popen = subprocess.Popen(argv, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Script(popen)
    finally:
        popen.stdin.close()
        popen.wait(DEADLINE_SECONDS)
        popen.stdout.close()


@contextmanager
def running_swaplab(server: Path, folder: Path):
    """A daemon that serves both models; it ends its engine when it is told to end."""
    models = {name: {"cmd": f"{server} -m {folder / name}.gguf --port ${{PORT}} {ARGUMENTS}"} for name in MODELS}
    config = folder / "config.yaml"
    config.write_text(json.dumps({"startPort": find_fixed_ports(len(MODELS)), "models": models}))
    port = find_free_port()
    argv = [Path(sys.executable).with_name("swaplab"), "serve", "--config", config, "--listen", f"{LOOPBACK}:{port}"]
    with running_process(argv, folder / "swaplab.log") as process:
        process.wait_for_output("serves at")
        try:
            yield Swaplab(port)
        finally:
            process.terminate(DEADLINE_SECONDS)


def measure(server: Path, rounds: int, warm_up: int) -> tuple[list[float], list[float]]:
    """Seconds of each round: swaplab's and the script's."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="swaplab-benchmark-")))
        for name in MODELS:
            write_tiny_gguf(folder / f"{name}.gguf", say=f"This is model {name}.")
        sides = (
            stack.enter_context(running_swaplab(server, folder)),
            stack.enter_context(running_script(server, folder)),
        )
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(warm_up + rounds):
            for side, seconds in zip(sides, times, strict=True):
                taken = side.swap(MODELS[number % len(MODELS)])
                if number >= warm_up:
                    seconds.append(taken)
        return times


def summary(swaplab: list[float], script: list[float]) -> dict[str, float]:
    """Medians in milliseconds, and what swaplab adds."""
    added = [mine - its for mine, its in zip(swaplab, script, strict=True)]
    return {
        "swaplab_ms": round(1000 * statistics.median(swaplab), 1),
        "script_ms": round(1000 * statistics.median(script), 1),
        "added_ms": round(1000 * statistics.median(added), 1),
        "ratio": round(statistics.median(swaplab) / statistics.median(script), 3),
    }


def machine() -> str:
    """How busy it is: on a machine with other work both sides mostly wait for a processor."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="swaps on each side")
    parser.add_argument("--warm-up", type=int, default=4, help="swaps that do not count")
    parser.add_argument("--json", action="store_true", help="also every single round")
    options = parser.parse_args()
    server = find_llama_server()
    if server is None:
        raise SystemExit(f"there is no llama-server: {ADVICE}")
    swaplab, script = measure(server.resolve(), options.rounds, options.warm_up)
    figures = summary(swaplab, script)
    if options.json:
        print(json.dumps({**figures, "rounds": {"swaplab": swaplab, "script": script}}))
        return
    print(f"request to first byte across a swap, median of {options.rounds} rounds; {machine()}")
    print("swaplab {swaplab_ms} ms · script {script_ms} ms · added {added_ms} ms · ratio {ratio}".format(**figures))


if __name__ == "__main__":
    main()
