"""What the runner finds around it: environment, caches, key, prompts' text, tokenizer. Touches files, in threads.

A run that is kept apart (`sandbox`) gets all of it in a folder of its own user's, which nobody else can read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import orjson
from attrs import evolve, field, frozen

from swaplab_benchy import corpus
from swaplab_benchy.gguf import tokenizer_json
from swaplab_benchy.options import Corpus, RunOptions
from swaplab_benchy.runner import Runner
from swaplab_benchy.sandbox import Account, Isolation, home_below
from swaplab_benchy.targets import Target, is_repository
from swaplab_core.plugin import PluginFailed

SHIM_FOLDER = Path(__file__).parent / "shim"
SWEBENCH = "swebench_verified"
_NO = frozenset({"0", "false", "no", "off"})


@frozen
class Child:
    """What is run: runner, address, names and options; `key` "" when the server asks for none."""

    runner: Runner
    base_url: str
    target: Target
    options: RunOptions
    key: str = field(default="", repr=False)
    gguf_file: str = ""
    isolation: Isolation = field(factory=Isolation)

    @property
    def book(self) -> str:
        """The name of the text that prompts are cut from, "" for the runner's own."""
        builtin = self.options.corpus is Corpus.BUILTIN and self.options.intelligence is None
        return corpus.BOOK if builtin else ""

    @property
    def is_swebench(self) -> bool:
        """Whether SWE-bench is among the suites."""
        return self.options.intelligence is not None and SWEBENCH in self.options.intelligence.plugins


def prepare(child: Child, folder: Path) -> Target:
    """Write what the child reads; answers the target, its tokenizer a file where only the GGUF has one."""
    _make_output_folder(child)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SHIM_FOLDER, folder / "shim", ignore=shutil.ignore_patterns("__pycache__"))
    if child.key:
        with os.fdopen(os.open(folder / "key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(child.key)
    if child.book:
        _keep_book()
    target = _with_tokenizer(child, folder)
    if child.isolation.account:
        _give(folder, child.isolation.account)
    return target


def run_folder(child: Child, state: Path, run_id: str) -> Path:
    """The run's own folder: below `state`, which only the daemon's user can enter, or where its user can."""
    wanted = child.options.intelligence
    if child.isolation.account and wanted:
        return Path(wanted.output_dir) / f".run-{run_id}"
    return state / "runs" / run_id


def environment(child: Child, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The child's own: caches that belong to it, our shim, and the key as a file."""
    env = _caches(child, environ) | {"PYTHONPATH": _python_path(child, folder, environ), "PYTHONUNBUFFERED": "1"}
    if child.isolation.account and child.options.intelligence:
        env["HOME"] = str(home_below(child.options.intelligence.output_dir))
    if child.options.intelligence:
        beside = str(Path(child.runner.argv[0]).parent)  # the suites' own programs, which it calls by name
        env["PATH"] = os.pathsep.join([beside, environ.get("PATH", os.defpath)])
        env["OPENAI_API_KEY"] = "EMPTY"  # the operator's own is not for an address that somebody typed in
    if child.key:
        env["SWAPLAB_BENCHY_KEY_FILE"] = str(folder / "key")
    if child.is_swebench and environ.get("LLAMA_SWAP_SWEBENCH_TEXT_COMPAT", "").strip().lower() not in _NO:
        env["LLAMA_SWAP_SWEBENCH_TEXT_COMPAT"] = "1"
    return env


def forget(folder: Path) -> None:
    """Delete what a run left behind."""
    shutil.rmtree(folder, ignore_errors=True)


def _python_path(child: Child, folder: Path, environ: Mapping[str, str]) -> str:
    theirs = environ.get("LLAMA_SWAP_BENCHY_PY_SHIM_DIR", "") if child.is_swebench else ""
    found = Path(theirs).expanduser().absolute()  # a relative one is named from here, and the child runs elsewhere
    shim = str(found) if theirs and (found / "sitecustomize.py").is_file() else ""
    kept = "" if child.isolation.account else environ.get("PYTHONPATH", "")
    return os.pathsep.join(each for each in (str(folder / "shim"), shim, kept) if each)


def _caches(child: Child, environ: Mapping[str, str]) -> dict[str, str]:
    """Caches of our own: those of other programs may belong to other users. {} where none can be made."""
    wanted = child.options.intelligence
    if child.isolation.account and wanted:
        home = home_below(wanted.output_dir) / ".cache" / "huggingface"
    else:
        home = Path(environ.get("LLAMA_BENCHY_HF_HOME") or Path.home() / ".cache" / "llama-benchy-hf").expanduser()
        try:
            for part in ("hub", "datasets"):
                (home / part).mkdir(parents=True, exist_ok=True)
        except OSError:
            return {}
    hub = str(home / "hub")
    names = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE")
    return {"HF_HOME": str(home), "HF_DATASETS_CACHE": str(home / "datasets"), **dict.fromkeys(names, hub)}


def _make_output_folder(child: Child) -> None:
    wanted, account = child.options.intelligence, child.isolation.account
    if wanted is None:
        return
    folder = Path(wanted.output_dir)
    try:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if account and is_new:
            os.chown(folder, account.uid, account.gid)
        if account:
            home = home_below(wanted.output_dir)
            home.mkdir(mode=0o700, exist_ok=True)
            os.chown(home, account.uid, account.gid)
    except OSError as error:
        raise PluginFailed(f"the output folder {folder} cannot be used: {error}", advice="set outputDir") from None


def _give(folder: Path, account: Account) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    folder.chmod(0o700)


def _keep_book() -> None:
    cached = Path.home() / ".cache" / "llama-benchy" / corpus.cache_name()
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_text(corpus.text(), encoding="utf-8")


def _with_tokenizer(child: Child, folder: Path) -> Target:
    target = child.target
    given = Path(target.tokenizer).expanduser()
    if is_repository(target.tokenizer) or given.exists():
        return target
    if child.options.tokenizer == target.tokenizer and given.is_absolute():
        raise PluginFailed(
            f"the tokenizer '{target.tokenizer}' could not be loaded: there is no such file or folder",
            advice="give a repository of the hub (org/name), or a folder with a tokenizer.json",
        )
    if not child.gguf_file:
        return target
    file = folder / "tokenizer" / "tokenizer.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(orjson.dumps(tokenizer_json(Path(child.gguf_file))))
    return evolve(target, tokenizer=str(file.parent))
