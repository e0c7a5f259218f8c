"""`plugins.docker:` of the configuration."""

from __future__ import annotations

from attrs import frozen

from swaplab_core.plugin import form_field

NAME = "docker"


@frozen
class Settings:
    """What the operator may say; all of it may be left out."""

    host: str = form_field(
        "Address of the engine",
        "",
        help="a socket such as unix:///run/docker.sock; left out: DOCKER_HOST, the docker context, the usual sockets",
        placeholder="unix:///run/docker.sock",
    )
    stop_leftovers: bool = form_field(
        "Stop what was left behind", True, help="containers that swaplab has started and no model needs any more"
    )
    stop_seconds: float = form_field(
        "Patience with containers", 5.0, unit="s", minimum=0, maximum=600, help="before one that is stopped is killed"
    )
    insecure_registries: tuple[str, ...] = form_field(
        "Registries without TLS",
        (),
        help="host[:port] of registries that are asked for tags over plain HTTP; those of this machine always are",
        advanced=True,
    )
