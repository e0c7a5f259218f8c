"""The entry of one model: cut out of a file and put back, as a form, and shown without secrets."""

from __future__ import annotations

from attrs import frozen

from swaplab_core.config.entry import changed_entry, cut_out, entry_lines, form_of_model, put_back
from swaplab_core.config.json_schema import json_schema
from swaplab_core.config.redact import hidden_in, without_secrets
from swaplab_core.config.schema import BackendSchema

FILE = """# models of mine
models:
  one:
    cmd: run ${env.HOME} # as it is
    # a remark
    ttl: 5

  two: {cmd: x}
startPort: 5800
"""


def test_an_entry_is_cut_out_with_its_comments_and_put_back_byte_for_byte():
    where = entry_lines(FILE, "one")
    text = cut_out(FILE, where)
    assert text.startswith("cmd: run ${env.HOME} # as it is\n# a remark\nttl: 5")
    assert put_back(FILE, where, text) == FILE
    changed = put_back(FILE, where, "cmd: new\nenv:\n  - A=b\n")
    assert "  one:\n    cmd: new\n    env:\n      - A=b\n" in changed
    assert changed.endswith("  two: {cmd: x}\nstartPort: 5800\n")


def test_what_is_no_block_of_lines_is_not_cut():
    assert entry_lines(FILE, "two") is None
    assert entry_lines(FILE, "none") is None
    assert entry_lines("", "one") is None


@frozen
class Options:
    path: str = ""


def test_a_form_has_the_simple_keys_of_the_backend_first_and_leaves_the_others_alone():
    schema = json_schema({"mine": BackendSchema(Options, needs_port=False)})
    form = form_of_model(schema, "mine")
    assert next(iter(form["properties"])) == "path"
    assert form["properties"]["unlisted"]["type"] == "boolean"
    assert form["properties"]["ttl"]["type"] == "number"
    assert form["properties"]["aliases"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": "other names for this model",
    }
    assert not {"filters", "macros", "backend"} & form["properties"].keys()
    entry = {"path": "/a", "ttl": 3, "filters": {"x": 1}, "name": "N"}
    assert changed_entry(entry, frozenset(form["properties"]), {"path": "/b", "name": "", "ttl": 0}) == {
        "path": "/b",
        "ttl": 0,
        "filters": {"x": 1},
    }


def test_command_lines_and_logs_are_shown_without_secrets():
    argv = ("engine", "--api-key", "sk-1234", "--hf-token=abc", "-e", "HF_TOKEN=xyz", "--max-tokens", "5", "serve")
    hidden = "<redacted>"
    assert without_secrets(argv) == (
        "engine", "--api-key", hidden, f"--hf-token={hidden}", "-e", f"HF_TOKEN={hidden}", "--max-tokens", "5", "serve",
    )  # fmt: skip
    assert hidden_in("started with api_key=abcdef on port 1") == f"started with api_key={hidden} on port 1"
