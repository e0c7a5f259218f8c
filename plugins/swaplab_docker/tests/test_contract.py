from __future__ import annotations

from swaplab_core.testing.contracts.plugin import PluginContract
from swaplab_docker.plugin import DockerPlugin
from swaplab_docker.settings import Settings


class TestDockerPlugin(PluginContract):
    name = "docker"
    plugin = DockerPlugin
    settings = Settings(host="unix:///nowhere/docker.sock")
    targets = ("", "tools/a:1", "-x", "sha256:0123456789ab")
