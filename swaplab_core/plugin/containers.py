"""The command line of an engine in a container of its own, for backends that need no runner.

The client of the container engine stays in the foreground: SIGTERM to it is passed on, and its end is the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from attrs import evolve, field, frozen

from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.image import is_image
from swaplab_core.domain.launch import LaunchRequest, LaunchSpec, Readiness, StopStrategy
from swaplab_core.domain.node import NodeId
from swaplab_core.domain.plan import Command, Step
from swaplab_core.plugin.recipe_runner import check_argv, container_name, labels, port_of

STOP_SECONDS = 20.0
HOME_INSIDE = "/root"
"""The home of the user that engines run as inside their images."""
HUB_INSIDE = f"{HOME_INSIDE}/.cache/huggingface"


@frozen
class Container:
    """What runs. `mounts` are (on the machine, inside, "ro" or ""); `flags` more options of `docker run`.

    `publish` maps the model's port to the address of the model, instead of sharing the machine's network; flags that
    ask for that network win.
    """

    image: str
    command: Sequence[str]
    mounts: tuple[tuple[PurePosixPath, str, str], ...] = ()
    env: Mapping[str, str] = field(factory=dict)
    flags: tuple[str, ...] = ()
    publish: bool = False
    gpus: bool = True


def shares_network(flags: Sequence[str]) -> bool:
    """Whether options of `docker run` ask for the machine's own network."""
    words = [word for flag in flags for word in flag.split("=", 1)]
    return any(word in {"--network", "--net"} and after == "host" for word, after in pairwise(words))


def host_inside(request: LaunchRequest, flags: Sequence[str]) -> str:
    """Where an engine whose port is published listens: on all of the container's own network, or at its address."""
    return request.host if shares_network(flags) else "0.0.0.0"  # noqa: S104 - published on one address


def docker_spec(
    request: LaunchRequest,
    backend: str,
    container: Container,
    *,
    ready_seconds: float,
    files: Mapping[PurePosixPath, str] | None = None,
    workers: Sequence[tuple[NodeId, Container]] = (),
) -> LaunchSpec:
    """Make the launch spec of a container on the model's node, with `files` written to every node first.

    `workers` are containers on other nodes: they are started before it, in the background, and removed after it.
    """
    name = container_name(request)
    if request.find_program("docker") is None and not request.node:
        raise PluginFailed(
            f"{request.model} runs in a container, and docker was not found",
            advice="install docker, or let it run on another node",
        )
    if not is_image(container.image):
        raise PluginFailed(
            f"{request.model} names no container image: {container.image!r}",
            advice="write `container:` in its recipe, or choose an image for the model",
        )
    nodes = (request.node, *(node for node, _ in workers))
    sweep = tuple(_sweep(node, name) for node in nodes)
    written = tuple(_write(path, text, node) for node in nodes for path, text in (files or {}).items())
    started = tuple(_start(request, backend, name, node, worker) for node, worker in workers)
    return LaunchSpec(
        argv=check_argv(tuple(_argv(request, backend, name, container))),
        base_url=request.base_url,
        readiness=Readiness(at_least_seconds=ready_seconds),
        stop=StopStrategy(at_least_seconds=STOP_SECONDS),
        node=request.node,
        before=(*sweep, *written, *started),
        after=sweep,
    )


def exec_spec(request: LaunchRequest, waiting: LaunchSpec, command: Sequence[str]) -> LaunchSpec:
    """Start the container of a spec in the background, and make the process one command inside it."""
    name = container_name(request)
    run, *rest = waiting.argv[1:]
    started = Step(
        "start the container", Command((waiting.argv[0], run, "-d", *rest)), node=waiting.node, timeout_seconds=600.0
    )
    argv = check_argv(("docker", "exec", name, *command))
    return evolve(waiting, argv=argv, before=(*waiting.before, started))


def _sweep(node: NodeId, name: str) -> Step:
    command = Command(("docker", "rm", "-f", name))
    return Step("remove the container", command, node=node, timeout_seconds=30.0, optional=True)


def _start(request: LaunchRequest, backend: str, name: str, node: NodeId, worker: Container) -> Step:
    argv = check_argv(tuple(_argv(request, backend, name, worker, detached=True)))
    return Step(f"start the container on {node or 'this machine'}", Command(argv), node=node, timeout_seconds=600.0)


def _argv(
    request: LaunchRequest, backend: str, name: str, container: Container, *, detached: bool = False
) -> Iterator[str]:
    port = port_of(request)
    yield from ("docker", "run", *(("-d",) if detached else ()))
    yield from ("--rm", "--init", "--name", name, *labels(request, backend))
    yield from ("--gpus", "all", "--ipc=host") if container.gpus else ()
    if not shares_network(container.flags):
        yield from ("-p", f"{_published(request.host)}:{port}:{port}") if container.publish else ("--network", "host")
    for outside, inside, mode in container.mounts:
        yield from ("-v", f"{outside}:{inside}{':' + mode if mode else ''}")
    for variable, value in container.env.items():
        yield from ("-e", f"{variable}={value}")
    yield from (*container.flags, container.image, *container.command)


def _published(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _write(path: PurePosixPath, text: str, node: NodeId) -> Step:
    """Write a file where the container will see it, on whichever machine that is."""
    argv = ("install", "-D", "-m", "755", "/dev/stdin", str(path))
    return Step(f"write {path.name}", Command(argv, stdin=text.encode()), node=node, timeout_seconds=30.0)
