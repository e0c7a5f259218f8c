"""Command strings."""

from __future__ import annotations

import pytest

from swaplab_core.config.commands import split, without_comments


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("server --port 1", ("server", "--port", "1")),
        ("  server \t --x\n\n  --y  ", ("server", "--x", "--y")),
        ("a 'b c' \"d 'e'\" f\\ g", ("a", "b c", "d 'e'", "f g")),
        ("""sh -c "echo \\"hi\\"" """, ("sh", "-c", 'echo "hi"')),
        ("a \\\n  b \\  \nc", ("a", "b", "c")),
        ("a\n# b\n  # 'open\nc", ("a", "c")),
        ("a \\\n# comment after a continuation\n b", ("a", "b")),
        ("a b#c #d", ("a", "b#c", "#d")),
        ("a '' \"\"", ("a", "", "")),
        ("'two\nlines'", ("two\nlines",)),
        ("$HOME *.txt ~ | > &", ("$HOME", "*.txt", "~", "|", ">", "&")),
        ("", ()),
        ("# only\n#comments", ()),
        ("größe 模型", ("größe", "模型")),
    ],
)
def test_a_command_is_split(text, argv):
    assert split(text) == argv


@pytest.mark.parametrize("text", ["echo 'open", 'echo "open', "it's"])
def test_an_open_quote_makes_no_command(text):
    assert split(text) is None


def test_only_whole_comment_lines_are_dropped():
    assert without_comments("a # b\n  # c\nd\n\n#e") == "a # b\nd\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\n    \t# indented\nb", "a\nb"),
        ("a\n\n\nb\n", "a\n\n\nb\n"),
        ("# one\n  # two\n#", ""),
        ("#!/bin/sh is no exception\na", "a"),
        ("a \\\n# between\n  b", "a \\\n  b"),
        ("a '#b'\n", "a '#b'\n"),
        ("", ""),
    ],
)
def test_blank_lines_and_everything_else_stay_when_comments_go(text, left):
    assert without_comments(text) == left
