"""Writes recipe folders and the programs that they need, for tests."""

from __future__ import annotations

import enum
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

STATE = "SWAPLAB_FAKE_DOCKER"
COMMON_FLAGS = (
    "--solo", "-n", "--nodes", "-t", "--container", "--name", "--port", "--host", "--tp", "--tensor-parallel",
    "--gpu-mem", "--max-model-len", "--master-port", "--dry-run", "--non-privileged", "--mem-limit-gb",
    "--mem-swap-limit-gb", "--pids-limit", "--shm-size-gb", "--no-ray",
)  # fmt: skip
NEWER_FLAGS = ("--ray", "--apply-mod", "-p", "--publish", "--keep-entrypoint")

LAUNCHER = """\
#!/usr/bin/env bash
# The twin of launch-cluster.sh: a container per model, the recipe's script run inside it.
set -u
image=vllm-node name=vllm_node script="" action=start
while [ $# -gt 0 ]; do
    case "$1" in
        -t) image=$2; shift ;;
        --name) name=$2; shift ;;
        -n|--nodes) shift ;;
        --launch-script) script=$2; shift ;;
        start|stop|status) action=$1 ;;
    esac
    shift
done
if [ "$action" = stop ]; then
    docker stop "$name"
    exit 0
fi
if docker ps | grep -q "\\"Names\\": \\"$name\\""; then
    echo "Container '$name' is RUNNING, start is skipped"
else
    # shellcheck disable=SC2086 # the variable holds words
    docker run -d ${VLLM_SPARK_EXTRA_DOCKER_ARGS:-} --name "$name" "$image" sleep infinity || exit 1
    echo "Starting container '$name'"
fi
[ -n "$script" ] || exit 0
trap 'docker stop "$name" >/dev/null 2>&1; exit 143' INT TERM
docker exec "$name" bash "$script" &
wait $!
code=$?
docker stop "$name" >/dev/null 2>&1
exit $code
"""
LLAMACPP_RUNNER = """\
#!/usr/bin/env bash
# The twin of spark-llama-cpp's runner: it ignores the recipe's command and runs the server's image in the foreground.
set -eu
ref=$1 port=8000; shift
extra=()
while [ $# -gt 0 ]; do
    case "$1" in
        --solo) ;;
        -n|--nodes|--tp) echo "warning: $1 is ignored" >&2; shift ;;
        --port) port=$2; shift ;;
        *) extra+=("$1") ;;
    esac
    shift
done
here=$(cd "$(dirname "$0")" && pwd)
[ -f "$ref" ] || ref=$here/recipes/$ref
[ -f "$ref" ] || ref=$ref.yaml
[ -f "$ref" ] || { echo "recipe not found: $ref" >&2; exit 1; }
model=$(sed -n 's/^model: *//p' "$ref" | head -n 1)
file=$(sed -n 's/^gguf_file: *//p' "$ref" | head -n 1)
name=llama_cpp_spark_$(basename "${ref%.*}")_$port
image=${LLAMA_CPP_SPARK_IMAGE:-$(sed -n 's/^container: *//p' "$ref" | head -n 1)}
docker rm -f "$name" >/dev/null 2>&1 || true
source=(-hf "$model")
[ -z "$file" ] || [ "${LLAMA_CPP_PREFER_HF_SNAPSHOT:-1}" = 0 ] || source=(-m "$file")
cache=${LLAMA_CPP_CACHE_DIR:-$HOME/.cache/llama.cpp}
mounts=(-v "$cache:/root/.cache/llama.cpp")
exec docker run --init --rm --gpus all "${mounts[@]}" --name "$name" -p "$port:$port" "$image" "${source[@]}" \\
    --host 127.0.0.1 --port "$port" --jinja "${extra[@]}"
"""
BUILDER = """\
#!/usr/bin/env bash
# The twin of build-and-copy.sh: it says what it builds, takes as long as it is told, and has a child of its own.
echo "Building with: $*"
for step in 1 2 3; do echo "Step $step/3 : RUN something"; done
[ -z "${SWAPLAB_KIT_BUILD_SECONDS:-}" ] || { sleep "$SWAPLAB_KIT_BUILD_SECONDS" & wait $!; }
[ -z "${SWAPLAB_KIT_BUILD_FAILS:-}" ] || { echo "no kernel image is available" >&2; exit 2; }
echo "Successfully built"
"""


class Style(enum.Enum):
    """Whose runner a folder has."""

    GEN1 = "gen1"
    GEN2 = "gen2"
    LLAMACPP = "llamacpp"


@frozen
class Kit:
    """What a test's daemon needs: `env` for its environment, `state` where the containers are."""

    root: Path
    env: Mapping[str, str]

    @property
    def state(self) -> Path:
        """The folder of the containers."""
        return Path(self.env[STATE])

    def folder(self, name: str, style: Style, recipes: Mapping[str, str]) -> Path:
        """Write a backend folder below `backend/`, with recipes by their relative path."""
        folder = self.root / "backend" / name
        for path, text in recipes.items():
            file = folder / "recipes" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        if style is Style.LLAMACPP:
            _program(folder / "run-recipe.sh", LLAMACPP_RUNNER)
            _program(folder / "build-llama-cpp-spark.sh", BUILDER)
            return folder
        flags = COMMON_FLAGS if style is Style.GEN1 else (*COMMON_FLAGS, *NEWER_FLAGS)
        _program(
            folder / "run-recipe.sh",
            f'#!/usr/bin/env bash\nexec {sys.executable} "$(dirname "$0")/run-recipe.py" "$@"\n',
        )
        (folder / "run-recipe.py").write_text(_runner(flags))
        _program(folder / "launch-cluster.sh", LAUNCHER)
        _program(folder / "build-and-copy.sh", BUILDER)
        return folder

    def containers(self) -> list[str]:
        """The containers there are, by name."""
        return sorted(path.name for path in self.state.iterdir() if path.is_dir()) if self.state.exists() else []

    def docker_calls(self) -> list[list[str]]:
        """Every call of docker, in order."""
        calls = self.state / "calls.jsonl"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


def make_kit(root: Path, *, llama_server: Path | None = None, sim: str = "") -> Kit:
    """Write the programs; `llama_server` is the real one to use inside containers, `sim` more words for the sim."""
    programs = root / "bin"
    here = Path(__file__).parent  # run by their paths: a package would load libraries that they do without
    _program(programs / "docker", f'#!/bin/sh\nexec {sys.executable} {here}/docker.py "$@"\n')
    for name in ("vllm", "sglang", "trtllm-serve", "llama-server", "uvicorn", "mpirun"):
        _program(programs / name, f'#!/bin/sh\nexec {sys.executable} {here}/engines.py {name} "$@"\n')
    inside = programs / "inside"
    _program(inside / "python3", f'#!/bin/sh\nexec {sys.executable} {here}/engines.py python3 "$@"\n')
    env = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(root / "home"),
        STATE: str(root / "containers"),
        "SWAPLAB_KIT_INSIDE": str(inside),
        "SWAPLAB_KIT_SIM": sim,
        **({"SWAPLAB_KIT_LLAMA_SERVER": str(llama_server)} if llama_server else {}),
    }
    (root / "home").mkdir(parents=True, exist_ok=True)
    return Kit(root, env)


def _runner(flags: tuple[str, ...]) -> str:
    listed = "".join(f'    "{flag}",\n' for flag in flags)
    return (
        f"import sys\nfrom pathlib import Path\n\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from runner import main\n\n"
        f"FLAGS = (\n{listed})\nsys.exit(main(Path(__file__).resolve().parent, FLAGS))\n"
    )


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
