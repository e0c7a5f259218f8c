# ruff: noqa: RUF009 - setting() and derived() are attrs' field(): no call happens at instantiation
"""The configuration file, defined once: frozen classes whose fields are the keys of the file.

Reading, defaults, unknown keys, JSON Schema and the reference page all come from here. A key is the field's name in
camelCase, without a unit (`ttl_seconds` is `ttl`), unless the field says otherwise; see `structure.file_key`. Fields
marked `derived` are no keys: the loader fills them in.

Metadata of a field: `help`, `unit`, `since`, `key` (the key, where the rule does not give it), `reads` (the name of a
special reader in `readers`), `minimum`, `choices`, `launch` (a change of it needs a restart of the model), `secret`,
`derived`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import NOTHING, Factory, field, frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.recipe import RecipeSettings

DEFAULT_START_PORT = 5800
DEFAULT_CONCURRENCY = 10
DEFAULT_BACKEND = "command"
DEFAULT_GROUP = "(default)"


def setting(
    help_text: str,
    default: Any = NOTHING,
    *,
    unit: str = "",
    since: str = "0.1",
    key: str = "",
    reads: str = "",
    minimum: float | None = None,
    choices: tuple[str, ...] = (),
    launch: bool = False,
    secret: bool = False,
) -> Any:
    """Define one key of the file."""
    metadata: dict[str, Any] = {"help": help_text, "unit": unit, "since": since, "key": key, "reads": reads}
    metadata |= {"minimum": minimum, "choices": choices, "launch": launch, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


def derived(default: Any, *, launch: bool = False) -> Any:
    """Define a field that is no key of the file."""
    return field(default=default, metadata={"derived": True, "launch": launch})


def nothing(_: Any) -> tuple[str, ...]:
    """Return no keys."""
    return ()


@frozen
class BackendSchema:
    """What the loader must know of a backend: the attrs class of its own keys, and whether each model gets a port.

    `runs_recipes`: its models may have recipe settings. `drop_fields` are fields of requests that its engine refuses.
    `needed` says which keys an entry without a recipe lacks.
    """

    options: type
    needs_port: bool
    runs_recipes: bool = False
    drop_fields: tuple[str, ...] = ()
    needed: Callable[[Any], tuple[str, ...]] = nothing


@frozen
class Filters:
    """Changes to the JSON body of a request on its way to the upstream; `model` is never touched."""

    strip_params: tuple[str, ...] = setting("comma-separated names of parameters to remove", (), reads="comma_list")
    set_params: Mapping[str, Any] = setting("parameters to set, over what the client sent", Factory(dict))
    set_params_by_id: Mapping[str, Mapping[str, Any]] = setting(
        "parameters to set for one requested name; for models each name becomes an alias",
        Factory(dict),
        key="setParamsByID",
    )


@frozen
class Capabilities:
    """What a model can do, for listings."""

    inputs: tuple[str, ...] = setting("what it reads", (), key="in", choices=("text", "audio", "image"))
    outputs: tuple[str, ...] = setting("what it writes", (), key="out", choices=("text", "audio", "image"))
    tools: bool = setting("it can call tools", False)
    reranker: bool = setting("it is a reranker", False)
    context: int = setting("length of its context", 0, unit="tokens", minimum=0)


@frozen
class Timeouts:
    """How long the connection to an upstream may take; 0 means no limit."""

    connect_seconds: float = setting("to connect", 30, unit="s", minimum=0)
    keepalive_seconds: float = setting("between TCP keep-alive probes", 30, unit="s", minimum=0)
    response_header_seconds: float = setting("to the first byte of the answer", 0, unit="s", minimum=0)
    tls_handshake_seconds: float = setting("for the TLS handshake", 10, unit="s", minimum=0)
    expect_continue_seconds: float = setting("for a `100 Continue`", 1, unit="s", minimum=0)
    idle_conn_seconds: float = setting("an idle connection is kept", 90, unit="s", minimum=0)


@frozen
class PeerTimeouts(Timeouts):
    """As for models, but a peer must begin its answer within a minute."""

    response_header_seconds: float = setting("to the first byte of the answer", 60, unit="s", minimum=0)


@frozen
class Compat:
    """Ways around what some clients do."""

    ignore_websockets: bool = setting("websockets neither start the model nor keep it loaded", False)


@frozen
class ModelConfig:
    """One entry of `models:`, everything resolved: what was not written has its default, also from the top level.

    `proxy` is None when it was not written and the backend names its own address. `check_endpoint` is None for `none`;
    when `check_endpoint_given` is False nothing was written and the backend's own path applies. `ttl_seconds` 0 means
    never. `options` is an instance of the backend's options class. `recipe` is read from `metadata.recipe_ui` for
    backends that run recipes.
    """

    id: ModelId = derived(ModelId(""))
    options: Any = derived(None, launch=True)
    port: int | None = derived(None, launch=True)
    check_endpoint_given: bool = derived(False, launch=True)
    recipe: RecipeSettings | None = derived(None, launch=True)
    backend: str = setting("which backend runs this model", DEFAULT_BACKEND, launch=True)
    node: str = setting("id of the machine it runs on, or `auto`; unwritten: this one", "", launch=True)
    proxy: str | None = setting(
        "base URL of the upstream; `http://localhost:${PORT}` unless the backend knows better", None, launch=True
    )
    cmd_stop: tuple[str, ...] = setting(
        "command run to stop the model, instead of SIGTERM; may use ${PID}", (), reads="command", launch=True
    )
    check_endpoint: str | None = setting(
        "path that answers 200 when the model is ready; `none`: ready at once", "/health", launch=True
    )
    env: Mapping[str, str] = setting(
        "environment variables, a list of NAME=value", Factory(dict), reads="assignments", launch=True
    )
    ttl_seconds: float = setting("unload after this idle time; 0 never, -1 as `globalTTL`", -1, unit="s", minimum=-1)
    unload_timeout_seconds: float = setting(
        "grace before a stopping model is killed; 0 as the top-level `unloadTimeout`", 0, unit="s", minimum=0
    )
    aliases: tuple[str, ...] = setting("other names for this model", ())
    use_model_name: str = setting("what the upstream is told as `model`", "")
    name: str = setting("name for listings", "")
    description: str = setting("description for listings", "")
    unlisted: bool = setting("leave it out of /v1/models", False)
    concurrency_limit: int = setting(
        f"waiting and running requests at once, 0 means {DEFAULT_CONCURRENCY}; more are refused with 429", 0, minimum=0
    )
    filters: Filters = setting("changes to requests", Filters())
    macros: Mapping[str, Any] = setting("macros of this model; they win over global ones", Factory(dict))
    metadata: Mapping[str, Any] = setting("anything, shown in /v1/models below `meta.llamaswap`", Factory(dict))
    send_loading_state: bool = setting("stream what happens while it loads; unwritten: as the top level", False)
    timeouts: Timeouts = setting("limits of the connection to the upstream", Timeouts())
    compat: Compat = setting("ways around what some clients do", Compat())
    capabilities: Capabilities = setting("what the model can do", Capabilities())
    health_check_timeout_seconds: float = setting("has no effect: the top-level key is used", 0, unit="s")


@frozen
class GroupConfig:
    """Models that belong together, and how they get along with each other and the rest."""

    swap: bool = setting("only one member runs at a time", True)
    exclusive: bool = setting("loading a member unloads the other groups", True)
    persistent: bool = setting("other groups never unload its members", False)
    members: tuple[ModelId, ...] = setting("model ids", ())


@frozen
class MatrixConfig:
    """Which models may run together; the expressions are compiled by the engine."""

    vars: Mapping[str, str] = setting("short names for model ids", Factory(dict))
    evict_costs: Mapping[str, int] = setting(
        "cost of unloading a model, by short name or id; 1 otherwise", Factory(dict), key="evict_costs"
    )
    sets: Mapping[str, str] = setting("named expressions: `a & (b | c)`, `+other_set`", Factory(dict))


@frozen
class RouterSettings:
    """Settings of both policies; `use` says which one works."""

    groups: Mapping[str, GroupConfig] = setting("groups by name", Factory(dict))
    matrix: MatrixConfig | None = setting("the matrix", None)


@frozen
class Router:
    """Who must go so that a model may start."""

    use: str = setting("the policy", "group", choices=("group", "matrix"))
    settings: RouterSettings = setting("settings of the policies", RouterSettings())


@frozen
class Fifo:
    """The first-come scheduler."""

    priority: Mapping[str, int] = setting("priority by model id, 0 otherwise; higher is served first", Factory(dict))
    patience: int = setting(
        "how many requests for loaded models may overtake a waiting one; then nobody passes", 8, minimum=1
    )


@frozen
class SchedulerSettings:
    """Settings of the schedulers."""

    fifo: Fifo = setting("the first-come scheduler", Fifo())


@frozen
class Scheduler:
    """Who is served next."""

    use: str = setting("the scheduler", "fifo", choices=("fifo",))
    settings: SchedulerSettings = setting("settings of the schedulers", SchedulerSettings())


@frozen
class Routing:
    """Which models may run together, and who is served next."""

    router: Router = setting("who must go", Router())
    scheduler: Scheduler = setting("who is next", Scheduler())


@frozen
class Profile:
    """A switchable set of name rewrites. A pin to None (`~` or an empty text) switches the name off."""

    pins: Mapping[str, str | None] = setting("requested name → model, alias, peer model or selector")
    description: str = setting("description for people", "")


@frozen
class SelectorSettings:
    """Settings of the strategies."""

    spillover: int = setting("requests at a target before the next one is used", 1, minimum=1)


@frozen
class Selector:
    """A virtual model whose target is chosen at each request."""

    strategy: str = setting("how to choose", choices=("pin", "warm", "spillover"))
    targets: tuple[str, ...] = setting("model ids, aliases or peer models, in order")
    settings: SelectorSettings = setting("settings of the strategies", SelectorSettings())
    name: str = setting("name for listings", "")
    description: str = setting("description for listings", "")
    unlisted: bool = setting("leave it out of /v1/models", False)
    metadata: Mapping[str, Any] = setting("anything, shown in /v1/models", Factory(dict))


@frozen
class Peer:
    """Another server whose models are offered here, as `<peer>/<model>`."""

    proxy: str = setting("base URL of the peer")
    models: tuple[str, ...] = setting("models the peer serves")
    api_key: str = setting("key sent to the peer", "", secret=True)
    filters: Filters = setting("changes to requests", Filters())
    timeouts: PeerTimeouts = setting("limits of the connection", PeerTimeouts())


@frozen
class OnStartup:
    """What happens when the daemon starts."""

    preload: tuple[ModelId, ...] = setting("models loaded one after the other", ())


@frozen
class Hooks:
    """What happens at certain times."""

    on_startup: OnStartup = setting("at the start of the daemon", OnStartup(), key="on_startup")


@frozen
class StoreConfig:
    """Where the activity is kept, and how much of it. Either `path` or `url` is written."""

    path: str = setting("SQLite file; its folder must exist", "")
    url: str = setting(
        "PostgreSQL database in place of the file, like postgresql://user@host/database", "", secret=True
    )
    max_rows: int = setting("rows that are kept, the oldest go first; 0 keeps all", 0, minimum=0)
    max_age_seconds: float = setting(
        "how long a row is kept, like 720h; 0 keeps it for ever", 0, unit="s", reads="go_duration"
    )


@frozen
class ApiKey:
    """A key that may do more than the plain ones."""

    key: str = setting("the key", secret=True)
    admin: bool = setting("may it change the configuration, run commands and delete", False)


@frozen
class Performance:
    """The hardware monitor."""

    disabled: bool = setting("measure nothing", False)
    every_seconds: float = setting("time between samples, like 10s or 1m30s", 5, unit="s", reads="go_duration")


DEFAULT_IGNORED_PATHS = (r"\.(js|json|css|png|gif|jpg|jpeg|ico|txt)$",)


@frozen
class RecipesConfig:
    """Where recipes are, beside the places that are looked at anyway (docs/howto/recipes.md)."""

    backends: tuple[str, ...] = setting("backend folders, or folders that hold some", ())
    folders: tuple[str, ...] = setting("folders with recipes of your own; new ones are written into the first", ())


@frozen
class UpstreamConfig:
    """The passthrough below /upstream."""

    ignore_paths: tuple[str, ...] = setting(
        "regular expressions of paths that do not load a model; by default static files", ()
    )


@frozen
class UiActivity:
    """The activity page."""

    session_id: tuple[str, ...] = setting(
        "request headers that tell sessions apart", ("X-Session-ID", "X-Litellm-Session-Id"), key="session_id"
    )


@frozen
class Ui:
    """The web UI."""

    activity: UiActivity = setting("the activity page", UiActivity())


@frozen
class Config:
    """A whole configuration, everything resolved. `models` and `groups` keep the order of the file.

    `groups` holds the groups of `routing` and, last, `(default)` with all models that are in none.
    """

    health_check_timeout_seconds: float = setting(
        "a model must be ready within this time, counted anew whenever its log shows progress", 120, unit="s"
    )
    global_ttl_seconds: float = setting("idle time for models without `ttl`", 0, unit="s", key="globalTTL", minimum=0)
    unload_timeout_seconds: float = setting("grace before a stopping model is killed", 10, unit="s", minimum=0)
    start_port: int = setting("first ${PORT}", DEFAULT_START_PORT, minimum=1)
    log_level: str = setting("debug, info, warn or error", "info")
    log_time_format: str = setting("layout of log times, like rfc3339; empty: none", "")
    log_to_stdout: str = setting(
        "which logs go to standard output", "proxy", choices=("proxy", "upstream", "both", "none")
    )
    log_requests: bool = setting("has no effect: requests are always logged", True)
    metrics_max_in_memory: int = setting("rows of activity kept in memory", 1000)
    capture_buffer_mib: int = setting("memory for captured requests; 0 switches it off", 5, unit="MiB")
    send_loading_state: bool = setting("stream what happens while a model loads", False)
    include_aliases_in_list: bool = setting("list aliases in /v1/models", False)
    api_keys: tuple[ApiKey | str, ...] = setting(
        "keys a client may use, as plain text or with what they may; none: open to everyone", (), secret=True
    )
    allowed_hosts: tuple[str, ...] = setting("names by which clients reach this server, such as a reverse proxy's", ())
    allowed_origins: tuple[str, ...] = setting("origins of other web pages that may use the models; `*`: all", ())
    macros: Mapping[str, Any] = setting("text for ${name}; they may use each other, in any order", Factory(dict))
    models: Mapping[ModelId, ModelConfig] = setting("the models by id", Factory(dict))
    routing: Routing = setting("which models may run together, and who is served next", Routing())
    profiles: Mapping[str, Profile] = setting("switchable name rewrites", Factory(dict))
    selectors: Mapping[str, Selector] = setting("virtual models", Factory(dict))
    peers: Mapping[str, Peer] = setting("other servers", Factory(dict))
    hooks: Hooks = setting("what happens at certain times", Hooks())
    store: StoreConfig | None = setting("where the activity is kept; unwritten: in memory", None)
    performance: Performance = setting("the hardware monitor", Performance())
    recipes: RecipesConfig = setting("where recipes are", RecipesConfig())
    upstream: UpstreamConfig = setting("the passthrough below /upstream", UpstreamConfig())
    ui: Ui = setting("the web UI", Ui())
    plugins: Mapping[str, Any] = setting("settings of plugins, by plugin", Factory(dict))
    disabled_plugins: tuple[str, ...] = setting(
        "distributions of installed plugins that are not loaded, like swaplab-hub, from the next start on", ()
    )
    plugin_settings: Mapping[str, Any] = derived(Factory(dict))
    groups: Mapping[str, GroupConfig] = derived(Factory(dict))
    names: Mapping[str, ModelId] = field(init=False, eq=False, repr=False, metadata={"derived": True})

    @names.default
    def _names(self) -> Mapping[str, ModelId]:
        aliases = {alias: model.id for model in self.models.values() for alias in model.aliases}
        return aliases | {model: model for model in self.models}

    def find(self, name: str) -> ModelConfig | None:
        """Return the model with this id, else the one with this alias."""
        model = self.names.get(name)
        return None if model is None else self.models[model]
