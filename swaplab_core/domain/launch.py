"""How an upstream is started, probed, put to sleep and stopped: data only, argv lists from end to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.backend import FolderFacts
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.plan import Step
from swaplab_core.domain.recipe import Recipe, RecipeSettings


@frozen
class Readiness:
    """When a started process may serve.

    `path` is asked with GET below the spec's base URL until it answers 200; None means ready right after the start.
    `deadline_seconds` bounds the whole wait, `attempt_seconds` one try. A driver says with `at_least_seconds` how long
    its engine may take where the configuration allows less.
    """

    path: str | None = "/health"
    deadline_seconds: float = 120.0
    attempt_seconds: float = 5.0
    at_least_seconds: float = 0.0


@frozen
class StopStrategy:
    """How a process is asked to go, and how long it may take before its group is killed.

    `argv` (with `${PID}` anywhere in an argument) is run instead of sending SIGTERM to the process group. A driver says
    with `at_least_seconds` how long its engine needs to go where the configuration allows less.
    """

    argv: tuple[str, ...] = ()
    grace_seconds: float = 10.0
    at_least_seconds: float = 0.0


@frozen
class HttpCall:
    """One request to an upstream, below its base URL. `body` is JSON; without one nothing is sent."""

    method: str
    path: str
    timeout_seconds: float = 60.0
    body: bytes = b""


@frozen
class Canary:
    """One short request whose answer must be the same after a sleep as before: a sleeper that has lost its mind is not
    to serve. `pick` leads to what is compared, as keys and positions in the decoded answer.
    """

    call: HttpCall
    pick: tuple[str | int, ...] = ("choices", 0, "message", "content")


@frozen
class SleepCalls:
    """How an upstream that can sleep is put to sleep and woken; all answer 2xx when done.

    `then` are calls that follow a wake, in order. `canary` None compares nothing. After `cycles` sleeps the upstream is
    stopped instead, 0: never.
    """

    sleep: HttpCall
    wake: HttpCall
    then: tuple[HttpCall, ...] = ()
    canary: Canary | None = None
    cycles: int = 0


@frozen
class LaunchSpec:
    """Everything the core needs to run one upstream.

    `env` is added to the daemon's own environment. `base_url` is where requests are sent
    (`http://127.0.0.1:5800`, a path prefix is allowed). `sleep` is None for engines that cannot sleep. `node` is the
    machine that it runs on; the entry's own `node` is laid over it. The commands of `before` run there before the
    engine, those of `after` when its process group is gone, however it ended: what the engine may have left behind
    (containers) must not hold the machine when the next model starts. The engine is not started when a command of
    `before` fails that is not optional; what fails in `after` is only logged.
    """

    argv: tuple[str, ...]
    base_url: str
    env: Mapping[str, str] = field(factory=dict)
    cwd: PurePosixPath | None = None
    readiness: Readiness = Readiness()
    stop: StopStrategy = StopStrategy()
    sleep: SleepCalls | None = None
    node: NodeId = LOCAL
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()


@frozen
class RecipeLaunch:
    """The recipe of the model that is to be launched, and how its entry wants it.

    `nodes` are those of the settings, the head first; `fabric` of each is what the others reach it at, and an empty
    id is this machine. `file` is the recipe's path, `relative` the same below `recipes/` of the backend's folder, None
    for a recipe of the user's. `home` is the user's home, where caches of engines are, `hf_home` where downloaded
    models are; `runs` is a folder of the model's own for files.
    """

    recipe: Recipe
    settings: RecipeSettings
    folder: FolderFacts
    file: PurePosixPath
    relative: PurePosixPath | None
    home: PurePosixPath
    hf_home: PurePosixPath
    runs: PurePosixPath
    nodes: tuple[Node, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the nodes reach each other, the head first."""
        return tuple(node.fabric for node in self.nodes) or self.settings.nodes

    @property
    def machine(self) -> Node | None:
        """The enrolled machine that the launch is for: the one node, or the head; None for this machine."""
        head = self.nodes[0] if self.nodes else None
        return head if head is not None and head.id and head.executor not in {"", "local"} else None


@frozen
class LaunchRequest:
    """What a backend driver is given to make a launch spec for one model.

    `options` is an instance of the driver's own options class, already checked. `host` is where the model's machine is
    reached from here. `port` is free to use, None when the entry asked for none. `find_program(name)` answers the
    absolute path of an installed program of this machine, or None. `node` is the machine that the entry asks for.
    `recipe` is there when the entry uses one. `instance` is a word that tells this daemon from others: the same after a
    restart.
    """

    model: ModelId
    options: Any
    host: str
    port: int | None
    find_program: Callable[[str], str | None]
    node: NodeId = LOCAL
    recipe: RecipeLaunch | None = None
    instance: str = "0"

    @property
    def base_url(self) -> str:
        """Where an upstream that listens on the given port is reached, "" when there is no port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return "" if self.port is None else f"http://{host}:{self.port}"
