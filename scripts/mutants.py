"""Break the engine in one place at a time and see whether its property tests notice.

    python scripts/mutants.py            all mutants, with the `mutants` profile
    python scripts/mutants.py lifo idle  only those whose name contains one of the words

Each mutant is a copy of the package in a temporary folder with one line changed. Exit 1 when one survives.
"""

from __future__ import annotations

# ruff: noqa: E501 - a mutant is one line, so that it can be read as one change
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SWAP, SLOT, PHASES, PLAN = (f"swaplab_core/engine/{name}.py" for name in ("swap", "slot", "phases", "plan"))

# name, file, the text as it is, the text as it should not be
MUTANTS = [
    ("grant ignores rivals", SWAP, "slot.fate is not Fate.STAY or self._evictions(slot):", "slot.fate is not Fate.STAY:"),
    ("grant ignores a changed configuration", SWAP, " or slot.fate is not Fate.STAY or self._ev", " or self._ev"),
    ("stops a busy rival", SLOT, "return self.phase is Phase.READY and not self.serving", "return self.phase is Phase.READY"),
    ("stops a start that someone waits for", SLOT, "self.phase in COMING_UP and not self.waiting", "self.phase in COMING_UP"),
    ("not all or nothing", SWAP, "all(rival.is_going or rival.may_go for", "any(rival.may_go for"),
    ("starts what someone ahead must evict", SWAP, "other in ahead):\n            return True", "other in ahead):\n            return False"),
    ("looks ahead in pairs only", SWAP, "        return any(\n            models_of(self.policy", "        return False and any(\n            models_of(self.policy"),
    ("starts with rivals alive", SWAP, "        elif slot.phase in {Phase.STOPPED", "        if slot.phase in {Phase.STOPPED"),
    ("starts beside a removed model", SWAP, " and not self._is_draining() and", " and"),
    ("no patience", SWAP, "if any(other.passed - other.head.mark >= self.patience for other in overtaken):", "if False:"),
    ("patience off by one", SWAP, "other.head.mark >= self.patience", "other.head.mark > self.patience"),
    ("patience forgets", SWAP, "                    other.passed += 1", "                    pass"),
    ("priority outlasts patience", SWAP, "-slot.limits.priority if is_patient else 0", "-slot.limits.priority"),
    ("priority passes uncounted", SWAP, "slot.limits.priority > other.limits.priority and", "False and"),
    ("passed before it came", SWAP, "Waiting(ticket, self._tick(), slot.passed)", "Waiting(ticket, self._tick(), slot.passed + 1)"),
    ("limit off by one", SWAP, "slot.claimed >= slot", "slot.claimed > slot"),
    ("limit forgets the queue", SLOT, "return len(self.serving) + len(self.waiting)", "return len(self.serving)"),
    ("failed start strands waiters", SWAP, "        if failed:\n", "        if False:\n"),
    ("crash refuses waiters", SWAP, "        if failed:\n", "        if True:\n"),
    ("crash keeps serving", SWAP, "        slot.serving.clear()\n", ""),
    ("crash leaks tickets", SWAP, "        for ticket in slot.serving:\n            del self.tickets[ticket]\n", ""),
    ("late ready revives", PHASES, "(Phase.STOPPING, UpstreamReady): Phase.STOPPING", "(Phase.STOPPING, UpstreamReady): Phase.READY"),
    ("late sleep revives", PHASES, "(Phase.STOPPING, UpstreamAsleep): Phase.STOPPING", "(Phase.STOPPING, UpstreamAsleep): Phase.ASLEEP"),
    ("earlier incarnation counts", SWAP, "slot is not None and slot.incarnation == incarnation and slot", "slot is not None and slot"),
    ("incarnation used twice", SWAP, "        self.starts += 1\n", ""),
    ("stale timer stops", SWAP, " and slot.generation == generation", ""),
    ("timer stops a sleeper", SWAP, "slot is not None and slot.is_idle and slot.generation", "slot is not None and slot.generation"),
    ("no timer after ready", SWAP, "            self._move(slot, UpstreamReady)\n            slot.generation = self._tick()\n            yield from self._arm(slot)", "            self._move(slot, UpstreamReady)\n            slot.generation = self._tick()\n            yield from ()"),
    ("no timer after release", SWAP, "        slot.serving.discard(ticket)\n        yield from self._arm(slot)", "        slot.serving.discard(ticket)\n        yield from ()"),
    ("unload forgets waking", SWAP, "if slot.phase not in {Phase.STOPPED, Phase.STOPPING}:", "if slot.phase not in {Phase.STOPPED, Phase.STOPPING, Phase.WAKING}:"),
    ("unload forgets starting", SWAP, "if slot.phase not in {Phase.STOPPED, Phase.STOPPING}:", "if slot.phase not in {Phase.STOPPED, Phase.STOPPING, Phase.STARTING}:"),
    ("unload strands waiters", SWAP, '                yield from self._refuse_waiting(slot, RefusalCode.UNLOADED, f"{model} was unloaded")\n', ""),
    ("release keeps the queue", SWAP, "        slot.waiting.pop(ticket, None)\n", ""),
    ("lifo", SWAP, "slot.waiting.popitem(last=False)", "slot.waiting.popitem(last=True)"),
    ("a sleeper holds memory", PHASES, "- {Phase.STOPPED, Phase.ASLEEP}", "- {Phase.STOPPED}"),
    ("falling asleep has given memory back", PHASES, "- {Phase.STOPPED, Phase.ASLEEP}", "- {Phase.STOPPED, Phase.ASLEEP, Phase.FALLING_ASLEEP}"),
    ("sleeps what cannot", SWAP, "if slot.phase is Phase.READY and slot.limits.evict_to is Residency.ASLEEP:", "if slot.phase is Phase.READY:"),
    ("removed model keeps its queue", SWAP, "                yield from self._refuse_waiting(slot, RefusalCode.UNLOADED, reason)\n        self._rec", "                yield from ()\n        self._rec"),
    ("changed model never restarts", SWAP, "            elif not slot.serving:\n", "            elif False:\n"),
    ("restart cuts streams", SWAP, "            elif not slot.serving:\n", "            else:\n"),
    ("old policy remembered", SWAP, "            slot.forget_policy()\n", ""),
    ("plan touches the engine", PLAN, "_Trial(engine.copy(), model)", "_Trial(engine, model)"),
    ("plan forgets what is under way", PLAN, "        self.facts.extendleft(reversed(under_way))\n", ""),
]  # fmt: skip


def survives(file: str, old: str, new: str) -> str | None:
    """Return None when the tests fail as they should, else what it printed."""
    with tempfile.TemporaryDirectory(prefix="swaplab-mutant-") as folder:
        shutil.copytree(ROOT / "swaplab_core", Path(folder) / "swaplab_core")
        target = Path(folder) / file
        text = target.read_text()
        if text.count(old) < 1:
            raise SystemExit(f"the mutant no longer fits {file}: {old!r} is not there")
        target.write_text(text.replace(old, new, 1))
        environment = os.environ | {
            "PYTHONPATH": folder,
            "SWAPLAB_PROFILE": os.environ.get("SWAPLAB_PROFILE", "mutants"),
        }
        run = subprocess.run(
            [sys.executable, "-P", "-m", "pytest", "-q", "-x", "--timeout=300", "-o", f"cache_dir={folder}/cache", *PROPERTIES],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    print(f"    {_why(run.stdout)}" if run.returncode else "", end="\n" if run.returncode else "")
    return None if run.returncode == 1 else run.stdout[-2000:] + run.stderr[-2000:]


def _why(output: str) -> str:
    found = re.search(r"^E +((?:Assertion|Key|Index|Value|Type)Error.*)$", output, re.MULTILINE)
    return found[1][:100] if found else "(failed otherwise)"


PROPERTIES = [f"tests/property/engine/test_{name}.py" for name in ("swap_machine", "steady_traffic")]


def main() -> int:
    """Run the chosen mutants one after the other."""
    words = sys.argv[1:]
    chosen = [m for m in MUTANTS if not words or any(word in m[0] for word in words)]
    alive = 0
    for name, file, old, new in chosen:
        print(name, flush=True)
        output = survives(file, old, new)
        if output is not None:
            alive += 1
            print(f"    SURVIVED\n{output}" if "passed" not in output else "    SURVIVED")
    print(f"{len(chosen) - alive} of {len(chosen)} mutants died")
    return 1 if alive else 0


if __name__ == "__main__":
    raise SystemExit(main())
