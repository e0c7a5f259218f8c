"""Schemathesis asks a running swaplab everything that its OpenAPI document allows, and much that it does not.

Every answer must be one that the document states: no 5xx but those about an engine, where they are written down, and
the schemas that are promised.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from running_swaplab import running_swaplab, sim

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
MODELS = {
    "talker": sim("--tokens", "3"),
    "embedder": {**sim(), "aliases": ["other"]},
    "broken": {"cmd": "/nonexistent ${PORT}"},
}
TOGETHER = {"router": {"settings": {"groups": {"all": {"swap": False, "members": ["talker", "embedder"]}}}}}
ENDLESS = r"/logs/stream|/api/events|/api/logs/stream|/api/jobs/{job}/log/stream"
REPEATED = r"/v/|/api/plugins/ollama"  # the same handlers at other paths
NO_INPUT = r"/unload$|/api/models/unload$"  # nothing to get wrong, and every model would start again
COMMANDS = r"/api/actions/{action}|/api/recipes/backend/action$"  # they run programs of this machine
LEFT_OUT = re.compile(rf"^({ENDLESS}|{REPEATED}|{NO_INPUT}|{COMMANDS}|/comfyui)")
NAMES = ["talker", "other", "nobody"]
CHECKS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")

EXAMPLES, SECONDS = ("50", 3600) if os.environ.get("SWAPLAB_PROFILE") == "nightly" else ("2", 290)


def narrowed(document, *, to_admin):
    """Models that exist, and each operation once, however many paths it has."""
    document["components"]["schemas"]["ModelName"] = {"type": "string", "enum": NAMES}
    seen, paths = set(), {}
    for path, item in document["paths"].items():
        for method, said in item.items():
            key, policy = json.dumps([method, {**said, "operationId": ""}], sort_keys=True), said["x-swaplab-policy"]
            may_run_programs = said["tags"][0].startswith("plugin ") and policy in {"operate", "admin"}
            if LEFT_OUT.match(path) or key in seen or may_run_programs or (policy == "admin") != to_admin:
                continue
            seen.add(key)
            paths.setdefault(path, {})[method] = said
    return {**document, "paths": paths}


def schemathesis(folder, url, document, *options):
    """Run the command; answers how many requests it has sent."""
    (folder / "openapi.json").write_text(json.dumps(document))
    argv = [SCHEMATHESIS, "run", folder / "openapi.json", "--url", url, "--phases", "coverage,fuzzing", *options]
    argv += ["--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--request-timeout", "120"]
    argv += ["--workers", "1"]  # two threads that parse at once make Python 3.11 fail (AST recursion depth mismatch)
    argv += [
        "--generation-with-security-parameters",
        "false",
        "--generation-database",
        "none",
        "--no-shrink",
        "--no-color",
        "--warnings",
        "off",
    ]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.search(r"(\d+) generated", done.stdout)[1])


def test_no_request_gets_an_answer_that_the_document_does_not_state(tmp_path):
    with running_swaplab(tmp_path, MODELS, routing=TOGETHER, profiles={"p": {"pins": {"x": "talker"}}}) as swaplab:
        document = narrowed(swaplab.ask("GET", "/api/openapi.json").json(), to_admin=False)
        assert schemathesis(tmp_path, swaplab.url, document) > 1000


def test_nor_does_the_administrators(tmp_path):
    home = {"HOME": str(tmp_path / "home")}
    with running_swaplab(tmp_path, {"talker": sim()}, env=home) as swaplab:
        document = narrowed(swaplab.ask("GET", "/api/openapi.json").json(), to_admin=True)
        token = (
            "-H",
            f"Authorization: Bearer {swaplab.admin_token}",
            "-H",
            "X-Swaplab: 1",
            "-H",
            "Content-Type: application/json",
        )
        assert schemathesis(tmp_path, swaplab.url, document, *token) > 200
