"""What went wrong in a run, read from what the runner printed, with what to do about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen


@frozen
class Diagnosis:
    """One sentence of what happened, and the remedy. `is_guess`: no sign was known, it is the last line."""

    message: str
    advice: str
    is_guess: bool = False

    def __str__(self) -> str:
        """Both, for the record of a run."""
        return f"{self.message} ({self.advice})" if self.advice else self.message


@frozen
class _Sign:
    pattern: re.Pattern[str]
    explain: Callable[[re.Match[str]], Diagnosis]


def _sign(pattern: str, message: str, advice: str) -> _Sign:
    return _Sign(re.compile(pattern), lambda found: Diagnosis(found.expand(message), found.expand(advice)))


_SIGNS = (
    _sign(
        r"Cannot connect to host (\S+)",
        r"nobody answers at \1",
        "is the server up, and baseUrl right? Leave baseUrl out to use this server",
    ),
    _sign(
        r"request \((\d+) tokens\) exceeds the available context size \((\d+) tokens\)",
        r"a prompt of \1 tokens does not fit the model's context of \2",
        "ask for smaller pp or depth, or give the model a larger context",
    ),
    _sign(
        r"maximum context length is (\d+)",
        r"a prompt does not fit the model's context of \1 tokens",
        "ask for smaller pp or depth, or give the model a larger context",
    ),
    _sign(
        r"Coherence test FAILED: (.*)",
        r"the model failed the coherence test: \1",
        "the answer made no sense: check quantisation and chat template, or set skipCoherence for a small model",
    ),
    _sign(
        r"Error downloading or processing book",
        "the text for the prompts could not be had",
        "the machine is offline: choose the corpus `builtin`, which comes with swaplab-benchy",
    ),
    _sign(
        r"Error loading tokenizer '([^']*)'",
        r"the tokenizer '\1' could not be loaded",
        "give a repository of the hub (org/name) that can be reached, or a folder with a tokenizer.json",
    ),
    _sign(
        r"plugin '([a-z0-9_-]+)' requires allowCodeExec",
        r"plugin '\1' requires allowCodeExec=true",
        "allow code execution for EvalPlus, SWE-bench and Terminal-Bench; it runs what the model wrote",
    ),
    _sign(
        r"PermissionError.*?(\S*/datasets/\S*\.lock)",
        r"the data set cache is not writable: \1",
        "its files belong to somebody else: give them back with chown, or choose another datasetCacheDir",
    ),
    _sign(
        r"429.*(?:rate limit|Too Many Requests)",
        "the hub refuses more requests for now",
        "set HF_TOKEN in swaplab's environment: unauthenticated limits are low",
    ),
    _sign(
        r"unrecognized arguments:.*--enable-intelligence",
        "this llama-benchy has no intelligence suites",
        "run the action “Install llama-benchy” with the intelligence edition, or name it in LLAMA_BENCHY_CMD",
    ),
    _sign(
        r"(lm_eval|evalplus|swebench|tb|aider) is not installed",
        r"the suite's own program \1 is not installed beside the runner",
        "install llama-benchy with its extra [intelligence]; terminal_bench, aider and swebench_verified need more",
    ),
    _sign(
        r"([\w-]+) (?:requires|may execute) (?:code execution|generated code)\. Re-run with --allow-code-exec",
        r"plugin '\1' requires allowCodeExec=true",
        "allow code execution for EvalPlus, SWE-bench and Terminal-Bench; it runs what the model wrote",
    ),
    _sign(r"HTTP (\d{3}): (.{1,300})", r"the server answered \1: \2", "see the log of the run and of the model"),
)

_WARNINGS = (
    (
        "PyTorch was not found",
        "“PyTorch was not found” is about the runner's own tokenizer, not about your engine; it does no harm",
    ),
    (
        " > 1024)",
        "“sequence length … > 1024” comes from the tokenizer's own settings; the engine's context is what counts",
    ),
    ("unauthenticated requests", "set HF_TOKEN to avoid the hub's limits for unauthenticated requests"),
)


def diagnose(output: str, exit_code: int | None) -> Diagnosis:
    """Why a run failed. `output` is the end of what it printed; `exit_code` None when it was killed."""
    for sign in _SIGNS:
        if found := sign.pattern.search(output):
            return sign.explain(found)
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
    how = "was killed" if exit_code is None else f"ended with exit code {exit_code}"
    return Diagnosis(f"llama-benchy {how}" + (f": {last[:300]}" if last else ""), "see the log of the run", True)


def remarks(output: str) -> tuple[str, ...]:
    """Warnings in the output that look worse than they are."""
    return tuple(text for sign, text in _WARNINGS if sign in output)
