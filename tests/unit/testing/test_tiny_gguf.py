"""The tiny model's text and file; that a real llama-server says it is shown in tests/integration/testing."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_core.testing.tiny_gguf import END, SPECIALS, START, cut, tiny_gguf_bytes, write_tiny_gguf

sayable = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not any(s in text for s in SPECIALS))


@given(sayable)
def test_the_pieces_of_a_text_join_to_the_text(text):
    assert "".join(cut(text)) == text


@given(st.one_of(sayable, st.text(st.sampled_from("ab "))))
def test_no_two_pieces_are_alike_and_only_a_lone_byte_is_one_byte_long(text):
    pieces = cut(text)
    assert len(set(pieces)) == len(pieces)
    assert all(len(piece.encode()) > 1 for piece in pieces) or len(text.encode()) == 1


def test_a_text_is_cut_into_words_so_that_it_streams():
    assert cut("Hello from a tiny model.") == ["Hello", " from", " a", " tiny", " model."]


@settings(max_examples=30)
@given(sayable)
def test_any_such_text_becomes_a_model(text):
    assert tiny_gguf_bytes(say=text).startswith(b"GGUF")


@pytest.mark.parametrize("text", ["hi", "ab", "!"])
def test_texts_that_look_like_a_part_of_the_byte_table_become_models_too(text):
    assert tiny_gguf_bytes(say=text).startswith(b"GGUF")


@pytest.mark.parametrize("special", SPECIALS)
def test_a_special_token_cannot_be_said(special):
    with pytest.raises(ValueError, match=r"must not hold"):
        tiny_gguf_bytes(say=f"a {special} b")


def test_an_endless_silence_is_refused():
    with pytest.raises(ValueError, match="needs some text"):
        tiny_gguf_bytes(say="", endless=True)


def test_the_file_has_the_layout_that_its_header_promises():
    content = tiny_gguf_bytes(say="Hello there.")
    magic, version, tensors, entries = struct.unpack_from("<4sIQQ", content)
    assert (magic, version) == (b"GGUF", 3)
    assert (tensors, entries) == (12, 28)
    assert len(content) % 32 == 0
    assert len(content) < 600_000


def test_rich_and_plain_models_differ_only_in_the_chat_template():
    plain, rich = tiny_gguf_bytes(say="x y"), tiny_gguf_bytes(say="x y", rich=True)
    assert b"<tool_call>" in rich
    assert b"<tool_call>" not in plain
    weights = 2 * 288 * 288
    assert plain[-weights:] == rich[-weights:]


def test_name_and_context_are_written_down():
    content = tiny_gguf_bytes(say="Hi.", name="little one", context=4321)
    assert b"little one" in content
    assert b"llama.context_length" + struct.pack("<II", 4, 4321) in content


def test_the_templates_use_the_models_own_turn_tokens():
    content = tiny_gguf_bytes(say="Hi.")
    assert content.count(START.encode()) > 1
    assert content.count(END.encode()) > 1


def test_the_command_writes_the_same_file(tmp_path: Path):
    by_command, by_call = tmp_path / "a.gguf", tmp_path / "b.gguf"
    argv = [sys.executable, "-m", "swaplab_core.testing.tiny_gguf", by_command, "--say", "Hello.", "--rich"]
    subprocess.run(argv, check=True, capture_output=True)
    write_tiny_gguf(by_call, say="Hello.", rich=True)
    assert by_command.read_bytes() == by_call.read_bytes()


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path):
    argv = [sys.executable, "-m", "swaplab_core.testing.tiny_gguf", tmp_path / "no" / "folder.gguf"]
    ended = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "No such file or directory" in ended.stderr
    assert "Traceback" not in ended.stderr
