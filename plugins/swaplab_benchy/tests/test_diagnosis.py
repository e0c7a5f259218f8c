"""What went wrong, from what llama-benchy 0.4 really printed."""

from __future__ import annotations

import pytest

from swaplab_benchy.diagnosis import diagnose, remarks


@pytest.mark.parametrize(
    ("output", "exit_code", "message", "advice"),
    [
        (
            "Warming up...\nWarmup failed: Cannot connect to host 127.0.0.1:18399 ssl:default [Connect call failed]",
            1,
            "nobody answers at 127.0.0.1:18399",
            "baseUrl",
        ),
        (
            'HTTP 400: {"error":{"message":"request (9000 tokens) exceeds the available context size (4096 tokens)"}}',
            1,
            "a prompt of 9000 tokens does not fit the model's context of 4096",
            "smaller pp",
        ),
        (
            "Error loading tokenizer '/nonexistent': Repo id must use…\nFalling back to 'gpt2'",
            1,
            "the tokenizer '/nonexistent' could not be loaded",
            "tokenizer.json",
        ),
        ("Coherence test FAILED: Expected 'Paris'. Got: Hm....", 1, "failed the coherence test", "skipCoherence"),
        ("Error downloading or processing book: HTTPSConnectionPool", 1, "text for the prompts", "builtin"),
        ("plugin 'swebench_verified' requires allowCodeExec=true", 2, "requires allowCodeExec=true", "allow code"),
        (
            "PermissionError: [Errno 13] Permission denied: '/h/.cache/huggingface/datasets/x.lock'",
            1,
            "not writable",
            "chown",
        ),
        ("HTTP 429: rate limit exceeded", 1, "the hub refuses", "HF_TOKEN"),
        ("HTTP 500: boom", 1, "the server answered 500: boom", "log"),
        ("some\nlast words\n\n", 7, "llama-benchy ended with exit code 7: last words", "log"),
        ("", None, "llama-benchy was killed", "log"),
    ],
)
def test_a_failure_is_explained(output, exit_code, message, advice):
    found = diagnose(output, exit_code)
    assert message in found.message
    assert advice in found.advice
    assert str(found) == f"{found.message} ({found.advice})"


def test_harmless_warnings_are_explained():
    assert "no harm" in remarks("[transformers] PyTorch was not found. Models won't be available")[0]
    assert remarks("all is well") == ()
