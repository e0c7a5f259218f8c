"""What a reload costs, and whom it disturbs.

    python -m benchmarks.reload [--rewrites 200] [--models 1000] [--json]

First 50 clients stream without pause from five models while the configuration file is rewritten 200 times: edits of
other models, files with errors, half-written files, touches; each with a signal, or left to the watcher. Counted are
streams that broke, engines that were started twice and steady engines whose pid has changed: all must be 0.
Then a configuration of 1 000 models: the time from the start of the program until it serves, and from a signal to the
moment when an edit of one model is in force.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from benchmarks.swap import find_fixed_ports
from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.sim_process import SIM_ARGV

CLIENTS = 50
STEADY = [f"steady-{number}" for number in range(5)]
TOKENS = 20
KINDS = ("edit", "touched", "truncated", "edit", "half-written", "invalid")
TARGETS = {"broken": 0, "started_twice": 0, "new_pids": 0, "edit_p99_ms": 300, "serving_s": 5}
DEADLINE_SECONDS = 60.0
APPLIED = "configuration reloaded: "
REFUSED = "the configuration stays as it is"


class Daemon:
    """A running `swaplab serve`, and its log."""

    def __init__(self, process, port: int, config: Path):
        self.process, self.config = process, config
        self.url = f"http://{LOOPBACK}:{port}"

    def count(self, text: str) -> int:
        return self.process.output().count(text)

    def replace(self, text: str) -> None:
        """Write the whole file at once."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    async def outcome(self, text: str, before: int) -> None:
        """Wait until the log says this once more."""
        end = time.perf_counter() + DEADLINE_SECONDS
        while self.count(text) <= before:
            if time.perf_counter() > end:
                raise SystemExit(f"waited in vain for {text!r} in the log:\n{self.process.output()[-4000:]}")
            await asyncio.sleep(0.001)

    async def signal_until(self, text: str) -> float:
        """Send SIGHUP and answer the seconds until the log says this once more."""
        before, began = self.count(text), time.perf_counter()
        self.process.send(signal.SIGHUP)
        await self.outcome(text, before)
        return time.perf_counter() - began


@contextmanager
def running_daemon(folder: Path, text: str, *options: str):
    """A daemon that serves, with the seconds it took until then."""
    config = folder / "config.yaml"
    config.write_text(text)
    port = find_free_port()
    argv = [Path(sys.executable).with_name("swaplab"), "serve", "--config", config, "--listen", f"{LOOPBACK}:{port}"]
    began = time.perf_counter()
    with running_process([*argv, *options], folder / "swaplab.log") as process:
        process.wait_for_output("serves at", deadline_seconds=DEADLINE_SECONDS)
        try:
            yield Daemon(process, port, config), time.perf_counter() - began
        finally:
            process.terminate(DEADLINE_SECONDS)


# --- streams ---


def streaming_config(start_port: int, edit: int) -> str:
    """Five steady models, one that each edit makes launch differently, and one that it only serves differently."""
    command = " ".join(SIM_ARGV) + " --port ${PORT}"
    steady = {"cmd": f"{command} --tokens {TOKENS} --tokens-per-second 20", "concurrencyLimit": CLIENTS}
    models = dict.fromkeys(STEADY, steady)
    models["edited"] = {"cmd": f"{command} --say 'edit {edit}'"}
    models["tuned"] = {"cmd": command, "ttl": 1000 + edit}
    groups = {"all": {"swap": False, "members": list(models)}}
    return json.dumps({"startPort": start_port, "groups": groups, "models": models}, indent=1)


class Clients:
    """They stream one answer after the other until `enough` is set."""

    def __init__(self, session: aiohttp.ClientSession, url: str):
        self.session, self.url, self.enough = session, url, asyncio.Event()
        self.whole, self.broken = 0, []

    async def stream(self, model: str) -> None:
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        while not self.enough.is_set():
            try:
                async with self.session.post(f"{self.url}/v1/chat/completions", json=body) as response:
                    answer = await response.read()
                    good = response.status == 200 and answer.rstrip().endswith(b"data: [DONE]")
                    reason = f"{response.status} {answer[-300:]!r}"
            except aiohttp.ClientError as error:
                good, reason = False, repr(error)
            if good and answer.count(b'"content":') >= TOKENS:
                self.whole += 1
            else:
                self.broken.append(reason)

    async def pids(self) -> dict[str, int]:
        async with self.session.get(f"{self.url}/api/models") as response:
            return {model["id"]: model["pid"] for model in (await response.json())["models"]}


async def rewrite(daemon: Daemon, kind: str, good: str) -> float | None:
    """Rewrite the file in one way; answers the seconds from the signal until an edit was in force."""
    match kind:
        case "edit":
            daemon.replace(good)
            return await daemon.signal_until(APPLIED)
        case "touched":
            os.utime(daemon.config)
            await daemon.signal_until("SIGHUP: looking")
        case "truncated":
            daemon.config.write_text(good[: good.rindex('"tuned"') + 3])
            await daemon.signal_until(REFUSED)
        case "invalid":
            daemon.replace(good.replace('"ttl"', '"ttl": "soon", "ttl"'))
            await daemon.signal_until(REFUSED)
        case "half-written":
            before = daemon.count(APPLIED)
            with daemon.config.open("w") as file:
                for part in (good[: len(good) // 2], good[len(good) // 2 :]):
                    file.write(part)
                    file.flush()
                    await asyncio.sleep(0.02)
            await daemon.outcome(APPLIED, before)  # the watcher sees it by itself
    return None


async def disturb(folder: Path, rewrites: int) -> dict[str, float]:
    start_port = find_fixed_ports(8)
    with running_daemon(folder, streaming_config(start_port, -1), "--watch-config") as (daemon, _):
        limit = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=limit, timeout=aiohttp.ClientTimeout(total=None)) as session:
            clients = Clients(session, daemon.url)
            for name in (*STEADY, "tuned"):
                await (await session.post(f"{daemon.url}/api/models/load/{name}")).read()
            before = await clients.pids()
            async with asyncio.TaskGroup() as tasks:
                for number in range(CLIENTS):
                    tasks.create_task(clients.stream(STEADY[number % len(STEADY)]))
                try:
                    kinds = (KINDS[number % len(KINDS)] for number in range(rewrites))
                    times = [
                        await rewrite(daemon, kind, streaming_config(start_port, n)) for n, kind in enumerate(kinds)
                    ]
                finally:
                    clients.enough.set()
            after = await clients.pids()
        starts = re.findall(r"(\S+): started, pid", daemon.process.output())
    for reason in clients.broken[:5]:
        print(f"broken: {reason}", file=sys.stderr)
    return {
        "rewrites": rewrites,
        "streams": clients.whole,
        "broken": len(clients.broken),
        "started_twice": sum(starts.count(name) > 1 for name in (*STEADY, "tuned")),
        "new_pids": sum(before[name] != after[name] for name in (*STEADY, "tuned")),
        **spread("reload", [seconds for seconds in times if seconds is not None]),
    }


# --- many models ---


def large_config(count: int, edit: int) -> str:
    """As people write it: a macro, a few keys each; the model in the middle is the one that is edited."""
    lines = ["startPort: 20000", "macros:", "  engine: swaplab-sim --port ${PORT}", "models:"]
    for number in range(count):
        name = f"model-{number:04}"
        say = f" --say 'edit {edit}'" if number == count // 2 else ""
        lines += [f"  {name}:  # number {number}", f"    cmd: ${{engine}} --model {name}{say}", "    ttl: 300"]
        lines += [f"    aliases: [{name}-latest]", "    metadata:", f"      number: {number}"]
    return "\n".join(lines) + "\n"


async def edit_large(folder: Path, count: int, edits: int) -> dict[str, float]:
    with running_daemon(folder, large_config(count, -1)) as (daemon, serving_seconds):
        times = []
        for number in range(edits):
            daemon.replace(large_config(count, number))
            times.append(await daemon.signal_until(APPLIED))
    return {"models": count, "serving_s": round(serving_seconds, 2), **spread("edit", times)}


def spread(name: str, seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds."""
    worst = sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))]
    return {f"{name}_ms": round(1000 * statistics.median(seconds), 1), f"{name}_p99_ms": round(1000 * worst, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rewrites", type=int, default=200, help="of the file while clients stream")
    parser.add_argument("--models", type=int, default=1000, help="in the large configuration")
    parser.add_argument("--edits", type=int, default=20, help="of the large configuration")
    parser.add_argument("--json", action="store_true", help="figures for a program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="swaplab-benchmark-") as folder:
        streams = asyncio.run(disturb(Path(folder), options.rewrites))
        large = asyncio.run(edit_large(Path(folder), options.models, options.edits))
    figures = {**streams, **large}
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        "{streams} streams while the file was rewritten {rewrites} times: {broken} broken, "
        "{started_twice} engines started twice, {new_pids} new pids".format(**figures)
    )
    print("from the signal until an edit was in force: median {reload_ms} ms, p99 {reload_p99_ms} ms".format(**figures))
    print(
        "{models} models: serving after {serving_s} s; an edit of one in force after {edit_ms} ms, "
        "p99 {edit_p99_ms} ms".format(**figures)
    )
    missed = [f"{name} (at most {most})" for name, most in TARGETS.items() if figures[name] > most]
    print(f"missed: {', '.join(missed)}" if missed else "all targets are met")


if __name__ == "__main__":
    main()
