"""`docker run` as a person writes it into `cmd`: read, and given the labels by which its container is known as ours.

Pure. podman's `run` has the same words. What cannot be read is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from attrs import field, frozen

PROGRAMS = frozenset({"docker", "podman"})

_GLOBAL_FLAGS = frozenset({"-D", "--debug", "--tls", "--tlsverify", "--remote", "-r"})
"""Options before the verb that take no value; all others do."""

_SWITCHES = frozenset(
    {
        "--detach", "--interactive", "--tty", "--rm", "--init", "--privileged", "--publish-all", "--read-only",
        "--sig-proxy", "--no-healthcheck", "--oom-kill-disable", "--disable-content-trust", "--quiet", "--help",
        "--use-api-socket", "--replace", "--rmi", "--tls-verify", "--no-hosts", "--no-hostname", "--read-only-tmpfs",
        "--env-host", "--http-proxy", "--passwd", "--unsetenv-all",
    }
)  # fmt: skip
"""Options of `run` that take no value unless written with `=`."""
_SHORT_SWITCHES = frozenset("ditPq")
_LONG = {
    "-d": "--detach", "-i": "--interactive", "-t": "--tty", "-P": "--publish-all", "-q": "--quiet", "-p": "--publish",
    "-v": "--volume", "-e": "--env", "-l": "--label", "-w": "--workdir", "-u": "--user", "-m": "--memory",
    "-h": "--hostname", "-c": "--cpu-shares", "-a": "--attach", "--net": "--network",
}  # fmt: skip


@frozen
class RunCommand:
    """What such a command line says. `at` is where the options of `run` begin; options are long ones, in order."""

    program: str
    at: int
    options: tuple[tuple[str, str], ...]
    image: str
    arguments: tuple[str, ...] = field(default=())

    def has(self, option: str) -> bool:
        """Is this switch on?"""
        return any(name == option and value != "false" for name, value in self.options)

    def values(self, option: str) -> tuple[str, ...]:
        """All that is given for an option."""
        return tuple(value for name, value in self.options if name == option)

    @property
    def name(self) -> str:
        """The container's name, "" when the engine is to choose one."""
        return next(iter(self.values("--name")[-1:]), "")


def read_run(argv: Sequence[str]) -> RunCommand | None:
    """Read a command line; None when it runs no container in the usual words."""
    if not argv or PurePosixPath(argv[0]).name not in PROGRAMS:
        return None
    at = _after_verb(argv)
    if at is None:
        return None
    options, rest = _options(argv[at:])
    if not rest:
        return None
    return RunCommand(PurePosixPath(argv[0]).name, at, tuple(options), rest[0], tuple(rest[1:]))


def with_labels(argv: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """Put options (`--label a=b`) first among those of `run`; any other command line is returned as it is."""
    run = read_run(argv)
    return tuple(argv) if run is None else (*argv[: run.at], *labels, *argv[run.at :])


def _after_verb(argv: Sequence[str]) -> int | None:
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        takes_value = argv[at] not in _GLOBAL_FLAGS and "=" not in argv[at]
        at += 2 if takes_value else 1
    if at < len(argv) and argv[at] == "container":
        at += 1
    return at + 1 if at < len(argv) and argv[at] == "run" else None


def _options(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    options: list[tuple[str, str]] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        options.extend(_long_option(word, rest) if word.startswith("--") else _short_options(word, rest))
    return options, rest


def _long_option(word: str, rest: list[str]) -> Iterator[tuple[str, str]]:
    name, equals, value = word.partition("=")
    name = _LONG.get(name, name)
    if not equals and name not in _SWITCHES:
        value = rest.pop(0) if rest else ""
    yield name, value


def _short_options(word: str, rest: list[str]) -> Iterator[tuple[str, str]]:
    """`-it`, `-p8080:80`, `-p 8080:80`, `-p=8080:80`."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = _LONG.get(f"-{letter}", f"-{letter}")
        if letter in _SHORT_SWITCHES:
            yield name, ""
            continue
        yield name, letters.removeprefix("=") or (rest.pop(0) if rest else "")
        return
