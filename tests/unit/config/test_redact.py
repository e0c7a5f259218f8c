"""What people see who may look but not touch: everything but the secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.config.edit import document, rewrite
from swaplab_core.config.redact import HIDDEN, UNREADABLE, redacted

TEXT = """\
# api_key: commented-out-1
apiKeys:
  - sk-first-1234   # mine
  - "sk-second \\" quoted"
  - key: sk-third-5678
    admin: true
  - ${env.SWAPLAB_KEY}
macros:
  where: "sk-first-1234 is here again"
peers:
  other: {proxy: "http://x", apiKey: sk-flow-9999, models: [a]}
models:
  qwen:
    cmd: serve --port ${PORT} --api-key sk-option-4242 --max-tokens 512 --hf-token=hf_abcdef
    env:
      - HF_TOKEN=hf_secret_token
      - PATH=/usr/bin
    metadata:
      password: |
        two
        lines
      monkey: banana
plugins:
  hub:
    token: hub-token-1
    parallel: 2
"""
SECRETS = [
    "commented-out-1", "sk-first-1234", "sk-second", "quoted", "sk-third-5678", "sk-flow-9999", "sk-option-4242",
    "hf_abcdef", "hf_secret_token", "two", "lines", "hub-token-1",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_gone(secret):
    assert secret not in redacted(TEXT)


@pytest.mark.parametrize(
    "kept",
    ["# mine", "${env.SWAPLAB_KEY}", "--port ${PORT}", "--max-tokens 512", "PATH=/usr/bin", "banana", "parallel: 2",
     "admin: true", 'proxy: "http://x"', "HF_TOKEN=", "--api-key "],
)  # fmt: skip
def test_everything_else_stays(kept):
    assert kept in redacted(TEXT)


def test_lines_stay_where_they_are():
    assert redacted(TEXT).split("\n")[14] == TEXT.split("\n")[14].replace("x", "x")
    assert [line.split(":")[0] for line in redacted(TEXT).split("\n") if line[:1].isalpha()] == list(document(TEXT))


def test_what_cannot_be_read_is_not_shown():
    assert redacted("apiKeys: [sk-1, sk-2\nmodels: {") == UNREADABLE


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=8, max_size=20), min_size=1),
    st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=8, max_size=20),
)
def test_no_key_survives_however_it_is_written(keys, token):
    keys = [f"K{key}1" for key in keys]
    text = rewrite("", {"apiKeys": keys, "plugins": {"hub": {"token": f"T{token}2"}}})
    shown = document(redacted(text))
    assert shown == {"apiKeys": [HIDDEN] * len(keys), "plugins": {"hub": {"token": HIDDEN}}}
