"""The strict form says the same, whatever the values are."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.config.convert import convert
from swaplab_core.config.document import to_python
from swaplab_core.config.load import Source
from swaplab_core.config.text import parse

# The upper half of Unicode would come as surrogate pairs, which are JSON's idea and not YAML's.
characters = st.one_of(
    st.sampled_from("\n\t \"'\\#:-{}[]&*!|>%@`,?~="), st.characters(max_codepoint=0xFFFF, categories=["L", "N"])
)
words = st.text(characters, max_size=12)
leaves = st.one_of(
    st.integers(), st.booleans(), st.none(), words, st.sampled_from(["", "~", "yes", "null", "1.0", "<<", "x: y"])
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=12,
)


@given(
    st.dictionaries(words.filter(lambda key: key not in {"groups", "matrix", "models", "profiles"}), values, max_size=3)
)
def test_any_values_in_brackets_survive_being_written_in_lines(entries):
    text = "".join(f"{json.dumps(key)}: {json.dumps(value)}\n" for key, value in entries.items())
    before = parse(text, "before")
    assert before.problems == ()
    assert to_python(before.root) == entries
    after = parse(convert(Source("f", text)).text, "after")
    assert (to_python(after.root), after.problems) == (entries, ())


@given(
    st.lists(
        st.sampled_from(["# c", "", "a: [1] # t", "b: {x: 1}", "c:\n  - 1 # u\n  # v\n  - 2", "d: |\n  # no\n\n  e"])
    )
)
def test_no_comment_is_lost_and_none_is_invented(lines):
    blocks = list(dict.fromkeys(line for line in lines if line[:1] not in {"", "#"}))
    text = "\n".join([*(line for line in lines if line[:1] in {"", "#"}), *blocks]) + "\n"
    converted = convert(Source("f", text)).text
    assert converted.count("#") == text.count("#")
    assert to_python(parse(converted, "f").root) == to_python(parse(text, "f").root)
