"""The strict form of an old file."""

from __future__ import annotations

from pathlib import Path

import pytest
import strictyaml

from swaplab_core.config.convert import convert
from swaplab_core.config.load import Source

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures" / "configs"
FILES = [HERE / "every_key.yaml", *sorted(FIXTURES.glob("*.yaml"))]
ENVIRONMENT = dict.fromkeys(["CLIENT_KEY", "ATTIC_KEY", "TEAM_KEY", "HOSTED_KEY", "HF_TOKEN", "MODELS"], "value")

OLD = """\
# shared by all
x-base: &base   # an anchor
  ttl: 300
  env: ["A=1", 'B=two words']

# the models
models:
  # the first
  a:
    <<: *base
    cmd: |   # a block
      ${bin} --port ${PORT} # no comment
      # a comment of the command

      -x "y"
    aliases: [a1, "on", 7]   # names
    filters: {strip_params: "top_k"}
    metadata: {deep: [{k: v, l: [1, 2]}, []], empty: {}, text: "two\\nlines", odd: " x\\n"}
  b: {cmd: "sleep ${env.SECONDS}", proxy: "http://x:1", ttl: !!int "5"}
groups:
  g: {members: [a]}   # together
apiKeys: [${env.KEY}]
# the end
"""
NEW = """\
# shared by all
# an anchor

# the models
models:
  # the first
  a:
    ttl: 300
    env:
      - "A=1"
      - "B=two words"
    cmd: |  # a block
      ${bin} --port ${PORT} # no comment
      # a comment of the command

      -x "y"
    aliases:  # names
      - a1
      - "on"
      - 7
    filters:
      stripParams: "top_k"
    metadata:
      deep:
        - k: v
          l:
            - 1
            - 2
        - []
      empty: {}
      text: |-
        two
        lines
      odd: " x\\n"
  b:
    cmd: "sleep ${env.SECONDS}"
    proxy: "http://x:1"
    ttl: 5
routing:
  router:
    use: group
    settings:
      groups:
        g:  # together
          members:
            - a
apiKeys:
  - ${env.KEY}
# the end
"""


def test_an_old_file_becomes_strict_and_keeps_its_comments_and_variables():
    converted = convert(Source("old.yaml", OLD))
    assert converted.text == NEW
    assert converted.changes == (
        "line 2: uses a YAML anchor; written out",
        "line 10: uses a YAML merge key; written out",
        "line 19: uses a YAML tag, !!int; written out",
        "lines 4, 16, 17, 18, 19, 21, 22: lists and mappings in brackets; written in lines",
        "line 22: a variable in brackets now stands for one value, even if it holds a comma",
        "line 20: groups moved to routing.router.settings.groups",
        "line 17: strip_params of a renamed to stripParams",
        "x-base: removed, it only held anchors",
    )


def test_what_is_strict_already_comes_back_as_it_is():
    text = "# odd   spacing\nmodels:\n    m:\n          cmd:   'x'   # y\n\n\n"
    converted = convert(Source("strict.yaml", text))
    assert (converted.text, converted.changes) == (text, ())


def test_what_cannot_be_read_is_not_converted():
    converted = convert(Source("broken.yaml", "a: [1\nb: 2\n"))
    assert converted.text is None
    assert [problem.line for problem in converted.problems] == [1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_strict_form_means_the_same_and_strictyaml_takes_it(good, path):
    text = path.read_text(encoding="utf-8")
    converted = convert(Source(path.name, text))
    assert converted.changes
    assert good(converted.text, environment=ENVIRONMENT) == good(text, environment=ENVIRONMENT)
    without_empty = converted.text.replace(" []\n", "\n").replace(" {}\n", "\n")
    assert strictyaml.load(without_empty).data["models"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_second_time_changes_nothing_more(path):
    once = convert(Source(path.name, path.read_text(encoding="utf-8"))).text
    again = convert(Source(path.name, once))
    assert [change for change in again.changes if "brackets" not in change] == []
    assert again.text == once
