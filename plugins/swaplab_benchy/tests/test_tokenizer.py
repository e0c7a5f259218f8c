"""A tokenizer.json from a GGUF file, and the text for prompts."""

from __future__ import annotations

import hashlib

import orjson
import pytest
from tokenizers import Tokenizer

from swaplab_benchy import corpus
from swaplab_benchy.gguf import tokenizer_json
from swaplab_core.plugin import PluginFailed
from swaplab_core.testing.tiny_gguf import write_tiny_gguf


def test_the_tokenizer_of_a_real_model_file_encodes_every_text(tmp_path):
    model = tmp_path / "tiny.gguf"
    write_tiny_gguf(model, say="Hello there.")
    file = tmp_path / "tokenizer.json"
    file.write_bytes(orjson.dumps(tokenizer_json(model)))
    tokenizer = Tokenizer.from_file(str(file))
    text = "Grüße, 12 keys\n"
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\xff" * 40, b"PK\x03\x04" + bytes(64)])
def test_a_broken_file_is_said(tmp_path, content):
    file = tmp_path / "broken.gguf"
    file.write_bytes(content)
    with pytest.raises(PluginFailed, match=r"broken\.gguf cannot be read as GGUF"):
        tokenizer_json(file)


def test_the_corpus_is_the_same_everywhere_and_long_enough():
    assert len(corpus.text()) > 100_000
    assert hashlib.sha256(corpus.text().encode()).hexdigest()[:16] == "b13333b16851b51a"
    assert corpus.cache_name() == hashlib.md5(b"swaplab-corpus-1", usedforsecurity=False).hexdigest() + ".txt"
