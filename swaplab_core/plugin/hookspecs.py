"""The hooks: what any installed plugin may have something to say about.

A plugin implements a hook by a function of the same name, marked `@hookimpl`, in the module of its entry point in the
group `swaplab.plugins`. The entry point may also name a class: it is instantiated once, without arguments, and its
methods are the implementations, so that a plugin can keep state. An implementation may leave out arguments it does not
need. `def` here means that the hook is called synchronously, `async def` that it is awaited; the implementation must be
of the same kind. A hook is never called while bytes flow.

None ships without a user in this repository. Choosing one backend by name is not a hook but a driver, see `interface`.
"""

# mypy: disable-error-code="empty-body"
# A specification has no body: pluggy reads its name and its arguments and never calls it.

from __future__ import annotations

from collections.abc import Callable, Iterable

from swaplab_core.domain.demo import DemoModel
from swaplab_core.domain.node import Node
from swaplab_core.plugin.hooks import hookspec
from swaplab_core.plugin.lab import LabView
from swaplab_core.plugin.routes import Route


@hookspec
def swaplab_demo_models(find_program: Callable[[str], str | None]) -> Iterable[DemoModel]:
    """Offer models that `swaplab demo` can show on this machine, with engines and weights that are already here.

    Called when: `swaplab demo` writes its configuration, before anything is started.

    Arguments: `find_program(name)` answers the absolute path of an installed program, or None.

    Return: the models, best first; nothing when this machine lacks what they need. Download nothing and start nothing.

    Example:
    ```python
    @hookimpl
    def swaplab_demo_models(find_program):
        if find_program("my-engine") is None:
            return []
        entry = {"backend": "mine", "model": "{demo}/tiny.bin"}
        return [DemoModel(id="tiny", entry=entry, title="A tiny model", files={"tiny.bin": make_weights})]
    ```
    """


@hookspec
def swaplab_routes() -> Iterable[Route]:
    """Answer HTTP requests: pages of a plugin's own, or another server's API translated to the routes of this one.

    Called when: the server is built, once, before it listens.

    Arguments: none. A handler gets each request as a `Call`, and the server's own routes through a `Gateway`.

    Return: the routes. Each is mounted at `/api/plugins/<plugin>` + `path`, and at its `public_path` when it has one.
    Each must state its policy: `Policy.OPEN`, `INFER`, `READ`, `OPERATE` or `ADMIN`. A public path that the core or an
    earlier plugin (in the order of names) has is left to them, and the plugin counts as degraded. So it does when a
    handler raises; the client then gets status 500. Errors of `swaplab_core.domain.errors` are answers, not mistakes.

    Example:
    ```python
    @hookimpl
    def swaplab_routes():
        return [Route(method="GET", path="/count", policy=Policy.READ, handler=count, public_path="/api/count")]


    async def count(call: Call, gateway: Gateway) -> Reply:
        answer = await gateway.request("GET", "/v1/models")
        return Reply.of_json({"models": len(json.loads(await answer.read())["data"])})
    ```
    """


@hookspec
def swaplab_nodes(lab: LabView) -> Iterable[Node]:
    """Say which machines there are beside this one.

    Called when: an engine or a step is about to run on a machine, and when machines are listed. Answer from memory.

    Arguments: `lab` is what plugins see of the daemon.

    Return: the enrolled nodes. `executor` names a driver of the group `swaplab.executors`, `address` is where engines
    on it are reached from here. Of two nodes with one id the first counts.

    Example:
    ```python
    class Cluster:
        def __init__(self):
            self.inventory = Inventory()

        @hookimpl
        def swaplab_nodes(self):
            return [Node(NodeId(n.id), n.title, "ssh", n.address) for n in self.inventory.nodes]
    ```
    """
