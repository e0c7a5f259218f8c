"""Schemathesis asks a running swaplab everything that its OpenAPI document allows, and much that it does not.

Every answer must be one that the document states: no 5xx but those about an engine, where they are written down, and
the schemas that are promised.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from running_swaplab import running_swaplab, sim

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
MODELS = {
    "talker": sim("--tokens", "3"),
    "embedder": {**sim(), "aliases": ["other"]},
    "broken": {"cmd": "/nonexistent ${PORT}"},
}
TOGETHER = {"router": {"settings": {"groups": {"all": {"swap": False, "members": ["talker", "embedder"]}}}}}
ENDLESS = r"/logs/stream|/api/events|/api/logs/stream"
REPEATED = r"/v/|/api/plugins/"  # the same handlers at other paths
NO_INPUT = r"/unload$|/api/models/unload$"  # nothing to get wrong, and every model would start again
LEFT_OUT = re.compile(rf"^({ENDLESS}|{REPEATED}|{NO_INPUT}|/comfyui)")
NAMES = ["talker", "other", "nobody"]
CHECKS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")


def narrowed(document):
    """Models that exist, and each operation once, however many paths it has."""
    document["components"]["schemas"]["ModelName"] = {"type": "string", "enum": NAMES}
    seen, paths = set(), {}
    for path, item in document["paths"].items():
        for method, said in item.items():
            key = json.dumps([method, {**said, "operationId": ""}], sort_keys=True)
            if LEFT_OUT.match(path) or key in seen:
                continue
            seen.add(key)
            paths.setdefault(path, {})[method] = said
    return {**document, "paths": paths}


@pytest.mark.timeout(180)
def test_no_request_gets_an_answer_that_the_document_does_not_state(tmp_path):
    with running_swaplab(tmp_path, MODELS, routing=TOGETHER, profiles={"p": {"pins": {"x": "talker"}}}) as swaplab:
        document = narrowed(swaplab.ask("GET", "/api/openapi.json").json())
        assert len(document["paths"]) > 40
        (tmp_path / "openapi.json").write_text(json.dumps(document))
        argv = [SCHEMATHESIS, "run", tmp_path / "openapi.json", "--url", swaplab.url, "--phases", "coverage,fuzzing"]
        argv += ["--checks", ",".join(CHECKS), "--max-examples", "8", "--workers", "2", "--request-timeout", "30"]
        argv += ["--generation-database", "none", "--no-shrink", "--no-color", "--warnings", "off"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False)

        assert done.returncode == 0, done.stdout + done.stderr
        assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 1000
