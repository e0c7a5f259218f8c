"""Actions of every backend folder: following its git repository, and its script that downloads models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from attrs import frozen

from swaplab_core.domain.action import ActionSpec, Confirm
from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.plan import Command, Plan, Step
from swaplab_core.plugin.backend_actions import DOWNLOAD_SECONDS, GIT_SECONDS, action, check_word, plan, unknown
from swaplab_core.plugin.forms import form_field

DOWNLOADER = "hf-download.sh"
DOWNLOAD_VARIABLE, HUB_VARIABLE = "LLAMA_SWAP_HF_DOWNLOAD_SCRIPT", "LLAMA_SWAP_HF_HUB_PATH"

_REPOSITORY = re.compile(r"(?:[\w.-]+[/:])*?([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@frozen
class DownloadForm:
    """Which model, in which format."""

    model: str = form_field("Model", help="organisation/name", placeholder="Qwen/Qwen3-8B")
    format: Literal["safetensors", "gguf"] = form_field("Format", "safetensors")
    quantization: str = form_field("Quantisation", "", placeholder="Q4_K_M", show_if={"/format": "gguf"})
    copy_to_nodes: bool = form_field("Copy to the other nodes", False, key="copy")


class CheckoutActions:
    """An `OffersActions` for folders of any backend."""

    def actions(self, state: BackendState) -> Sequence[ActionSpec]:
        """Offer git where there is a checkout, and the download where there is a script."""
        git = "" if state.facts.git is not None else f"{state.folder} is no git checkout"
        origin = _REPOSITORY.search(state.facts.git.origin) if state.facts.git else None
        name = f" ({origin[1]})" if origin else ""
        script = download_script(state)
        without_script = "" if script else f"{state.folder} has no {DOWNLOADER}, and {DOWNLOAD_VARIABLE} names none"
        return (
            action("git_pull", f"Git Pull{name}", icon="git-pull-request", unavailable=git, order=10),
            action(
                "git_pull_rebase",
                f"Git Pull, rebase{name}",
                description="Local commits are put on top of the new ones, local changes are kept aside meanwhile.",
                icon="git-pull-request",
                unavailable=git,
                confirm=Confirm.ASK,
                order=11,
            ),
            action(
                "download_hf_model",
                "Download a model",
                DownloadForm,
                description=f"It is done by {script}." if script else "",
                icon="download",
                unavailable=without_script,
                order=20,
            ),
        )

    def plan(self, action: str, form: Any, state: BackendState) -> Plan:
        """Say what an action runs."""
        match action:
            case "git_pull":
                return plan(state, _git(state, "pull", "--ff-only"))
            case "git_pull_rebase":
                return plan(state, _git(state, "pull", "--rebase", "--autostash"))
            case "download_hf_model":
                return Plan((_download(form, state),), frozenset({f"download:{form.model}"}))
            case _:
                raise unknown(action, "a checkout")


def download_script(state: BackendState) -> str:
    """Return the script that downloads models: the variable's, else the folder's own; "" when there is none."""
    named = state.environment.get(DOWNLOAD_VARIABLE, "").strip()
    if named:
        return named
    return str(state.folder / DOWNLOADER) if DOWNLOADER in state.facts.executables else ""


def _git(state: BackendState, *words: str) -> Step:
    env = {"GIT_TERMINAL_PROMPT": "0"}
    return Step(
        f"git {' '.join(words)}",
        Command(("git", "-C", str(state.folder), *words), env=env),
        timeout_seconds=GIT_SECONDS,
    )


def _download(form: DownloadForm, state: BackendState) -> Step:
    model = check_word(form.model, "model")
    if model.count("/") != 1:
        raise InvalidRequest(f"{model!r} is no model of the hub", advice="write organisation/name")
    quantization = ("--quantization", check_word(form.quantization, "quantisation")) if form.quantization else ()
    copy = ("-c", "--copy-parallel") if form.copy_to_nodes else ()
    hub = state.environment.get(HUB_VARIABLE, "")
    env = {"HF_HUB_PATH": hub, HUB_VARIABLE: hub, "HF_HUB_CACHE": hub} if hub else {}
    argv = (download_script(state), model, "--format", form.format, *quantization, *copy)
    return Step(f"download {model}", Command(argv, state.folder, env), timeout_seconds=DOWNLOAD_SECONDS)
