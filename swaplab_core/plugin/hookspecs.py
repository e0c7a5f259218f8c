"""The hooks: what any installed plugin may have something to say about.

A plugin implements a hook by a function of the same name, marked `@hookimpl`, in the module of its entry point in the
group `swaplab.plugins`. The entry point may also name a class: it is instantiated once, without arguments, and its
methods are the implementations, so that a plugin can keep state. An implementation may leave out arguments it does not
need. `def` here means that the hook is called synchronously, `async def` that it is awaited; the implementation must be
of the same kind, and it must not block unless its specification says that it runs in a thread. A hook is never called
while bytes flow.

Each implementation is called on its own. One that raises, or answers with something of another type, loses its own
answer and nobody else's: the log tells, and the plugin counts as degraded (`GET /api/plugins`, `swaplab plugins`).

None ships without a user in this repository. Choosing one backend by name is not a hook but a driver, see `interface`.
"""

# mypy: disable-error-code="empty-body"
# A specification has no body: pluggy reads its name and its arguments and never calls it.

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.demo import DemoModel
from swaplab_core.domain.diagnostic import Diagnostic
from swaplab_core.domain.events import Event
from swaplab_core.domain.image import KnownImages
from swaplab_core.domain.node import Node
from swaplab_core.domain.placement import Placement, PlacementRequest, Refusal
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.view import Panels
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.check import ConfigFacts
from swaplab_core.plugin.hooks import hookspec
from swaplab_core.plugin.lab import LabView
from swaplab_core.plugin.routes import Route

# registration: asked before anything runs


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
def swaplab_config_section() -> type:
    """Say which settings the operator may write under `plugins.<name>:` in the configuration file.

    Called when: the daemon starts, and `swaplab check` and the like look at a file.

    Arguments: none.

    Return: an attrs class; `<name>` is that of the entry point. Its fields are made with `form_field`, so that the UI
    can show them as a form. What is wrong in the file is reported with its line, not by the plugin, and unknown keys
    are warned of. `lab.settings("mine", Settings)` gives the instance that is in force.

    Example:
    ```python
    @frozen
    class Settings:
        token: str = form_field("Token", "", help="sent to the hub", secret=True)
        parallel: int = form_field("Downloads at once", 2, minimum=1)


    @hookimpl
    def swaplab_config_section():
        return Settings
    ```
    """


@hookspec
def swaplab_commands() -> Iterable[click.Command]:
    """Add commands to `swaplab`.

    Called when: a command is given that the core does not have, and for the help.

    Arguments: none.

    Return: click commands or groups. A name that the core has is left to it; of two plugins the first counts.

    Example:
    ```python
    @click.command(help="Run a benchmark.")
    def bench() -> None:
        click.echo("running")


    @hookimpl
    def swaplab_commands():
        return [bench]
    ```
    """


# what people see and do


@hookspec
def swaplab_actions(lab: LabView) -> Iterable[Action]:
    """Offer operations: each with a form, a guard and a plan that runs as a job.

    Called when: actions are listed or shown, and when one is run; so `unavailable` may say how it is at this moment.
    Answer from memory.

    Arguments: `lab` is what plugins see of the daemon.

    Return: the actions. On the wire one is called `<plugin>:<id>`. The planner decides and does nothing: it is also
    called for the preview. What it is given has been checked against the form.

    Example:
    ```python
    @frozen
    class Build:
        jobs: int = form_field("Compile jobs", 8, minimum=1, cli="-j")


    def plan(form, target):
        make = Command(("make", f"-j{form.jobs}"), cwd=PurePosixPath(target))
        return Plan((Step("Build", make),), locks=frozenset({f"backend:{target}"}))


    @hookimpl
    def swaplab_actions():
        spec = ActionSpec("build", "Build", Build, slots=("backend.actions",), target="backend")
        return [Action(spec, plan)]
    ```
    """


@hookspec
def swaplab_backend_actions(state: BackendState, lab: LabView) -> Iterable[Action]:
    """Offer operations on a backend's folder, beside those of its own driver.

    Called when: backends are listed or shown, and when one of their actions is run. Answer from memory.

    Arguments: `state` is the folder as its driver is asked about it, `lab` is what plugins see of the daemon.

    Return: the actions; their target is the folder. On the wire one is called `backends:<id>`. It takes the place of an
    action that every folder has, and a driver's own one takes its place. Its planner is not async.

    Example:
    ```python
    @hookimpl
    def swaplab_backend_actions(state):
        spec = ActionSpec("sizes", "Show sizes", slots=("backend.actions",), target="backend")
        return [Action(spec, lambda _, folder: Plan((Step("Sizes", Command(("du", "-sh", "--", folder))),)))]
    ```
    """


@hookspec
def swaplab_panels(lab: LabView) -> Iterable[Panels]:
    """Show something in the UI, without a line of JavaScript, or with a module for what that cannot say.

    Called when: the UI asks for its manifest. Answer from memory.

    Arguments: `lab` is what plugins see of the daemon.

    Return: entries of the side bar, views and modules. Slots, kinds and the JSON of each kind are in the reference of
    the UI. A view's data comes from a route, usually one of `swaplab_routes`.

    Example:
    ```python
    @hookimpl
    def swaplab_panels():
        columns = [{"key": "name", "title": "Name"}, {"key": "size", "title": "Size", "type": "bytes"}]
        view = View(
            "files",
            "page",
            "Files",
            "table",
            source="api/plugins/mine/files",
            props={"columns": columns},
            route="/x/mine/files",
        )
        return [Panels(nav=(NavEntry("files", "Files", "/x/mine/files", icon="hard-drive"),), views=(view,))]
    ```
    """


@hookspec
def swaplab_diagnostics(lab: LabView) -> Iterable[Diagnostic]:
    """Offer checks of what the plugin needs: a program, a service, a machine.

    Called when: somebody asks how things are (`GET /api/diagnostics`).

    Arguments: `lab` is what plugins see of the daemon.

    Return: the checks. `run` is awaited, each on its own and with a time limit; it looks and changes nothing.

    Example:
    ```python
    async def docker() -> list[Finding]:
        if find_program("docker") is None:
            return [Finding(Health.ERROR, "docker is not installed", "install it: apt install docker.io")]
        return [Finding(Health.OK, "docker is there")]


    @hookimpl
    def swaplab_diagnostics():
        return [Diagnostic("docker", "Docker", docker)]
    ```
    """


@hookspec
def swaplab_routes(lab: LabView) -> Iterable[Route]:
    """Answer HTTP requests: pages of a plugin's own, or another server's API translated to the routes of this one.

    Called when: the server is built, once, before it listens.

    Arguments: `lab` is what plugins see of the daemon. A handler gets each request as a `Call`, and the server's own
    routes through a `Gateway` that speaks for the caller.

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


@hookspec
def swaplab_images(lab: LabView) -> Iterable[KnownImages]:
    """Say which container images there are, on this machine and in registries.

    Called when: backends are looked at, which choose their images among them. Answer from memory.

    Arguments: `lab` is what plugins see of the daemon.

    Return: what you know. Where nobody knows this machine's images the core lists them itself.

    Example:
    ```python
    class Engine:
        @hookimpl
        def swaplab_images(self):
            return [KnownImages(local=("vllm-node:latest",), tags={"nvcr.io/nvidia/vllm": ("26.01-py3",)})]
    ```
    """


# the configuration


@hookspec
def swaplab_check_config(config: ConfigFacts) -> Iterable[Problem]:
    """Hold a configuration against what only the plugin knows, before it is put in force.

    Called when: a configuration without errors has been read: at the start, on reload, in the editor, by `swaplab
    check`. It runs in a thread and must be pure.

    Arguments: `config` holds the models and all plugins' settings, and makes problems that know their line.

    Return: the problems. An error keeps the configuration from being used, a warning is only told.

    Example:
    ```python
    @hookimpl
    def swaplab_check_config(config):
        for model, entry in config.models.items():
            if entry.get("backend") == "mine" and "weights" not in entry:
                yield config.error("has no weights", "write `weights: FILE`", "models", model)
    ```
    """


# where models are loaded


@hookspec
async def swaplab_place_model(request: PlacementRequest, lab: LabView) -> Placement | None:
    """Choose a machine for a model whose entry says `node: auto`.

    Called when: such a model is about to be loaded. The choice holds for this load only.

    Arguments: `request` names the model, `lab` is what plugins see of the daemon.

    Return: the machine and why, or None to leave it to others; the first answer counts. When nobody answers the load
    fails.

    Example:
    ```python
    @hookimpl
    async def swaplab_place_model(self, request, lab):
        roomy = max(self.measured, key=lambda node: node.free_mib)
        return Placement(roomy.id, f"{roomy.free_mib} MiB are free")
    ```
    """


@hookspec
async def swaplab_admit_model(request: PlacementRequest, node: Node, lab: LabView) -> Refusal | None:
    """Object to loading a model on a machine: it is drained, or there is no room.

    Called when: a model is about to be loaded and its machine is known; what had to make room has gone.

    Arguments: `request` names the model, `node` is the machine, `lab` what plugins see of the daemon.

    Return: why not, or None. The first refusal counts, and waiting requests get it as their error.

    Example:
    ```python
    @hookimpl
    async def swaplab_admit_model(self, node):
        return Refusal(f"{node.title} is drained", "undrain it") if node.id in self.drained else None
    ```
    """


# the life of the daemon


@hookspec
async def swaplab_startup(lab: LabView) -> None:
    """Begin: the daemon is about to listen.

    Called when: everything is connected and nothing is served yet.

    Arguments: `lab` is what plugins see of the daemon; it stays valid until the end.

    Return: nothing. Be quick; what takes long goes into `lab.spawn`.

    Example:
    ```python
    @hookimpl
    async def swaplab_startup(self, lab):
        self.store = Store(lab.state_folder("mine"))
        lab.spawn(self.watch, name="watch of mine")
    ```
    """


@hookspec
async def swaplab_shutdown(lab: LabView) -> None:
    """End: give back what is held.

    Called when: the daemon ends, after requests and jobs have ended.

    Arguments: `lab` is what plugins see of the daemon.

    Return: nothing; what takes longer than ten seconds is left behind.

    Example:
    ```python
    @hookimpl
    async def swaplab_shutdown(self):
        await self.store.close()
    ```
    """


@hookspec
async def swaplab_event(event: Event, lab: LabView) -> None:
    """Hear what has happened.

    Called when: an event was published on the bus. The next one waits until all plugins have heard this one; of
    events about one thing that come meanwhile only the newest is told, and logs are not told at all.

    Arguments: `event` is one of `swaplab_core.domain.events`, `lab` what plugins see of the daemon. Annotate `event`
    with the kinds you want, and you are told no others: of requests there may be thousands a second.

    Return: nothing.

    Example:
    ```python
    @hookimpl
    async def swaplab_event(self, event: ConfigChanged, lab):
        self.settings = lab.settings("mine", Settings)
    ```
    """
