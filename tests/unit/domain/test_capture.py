"""Which bodies of a capture are kept. Names of the conformance list: mask; audio capture mask."""

from __future__ import annotations

import pytest

from swaplab_core.domain.capture import Part, kept_bodies


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/v1/chat/completions", Part.BODIES),
        ("/v1/embeddings", Part.BODIES),
        ("/infill", Part.BODIES),
        ("/v1/audio/speech", Part.REQUEST_BODY),
        ("/v1/audio/speech?x=1", Part.REQUEST_BODY),
        ("/v/audio/speech", Part.REQUEST_BODY),
        ("/v1/images/generations", Part.REQUEST_BODY),
        ("/sdapi/v1/txt2img", Part.REQUEST_BODY),
        ("/v1/audio/voices", Part.RESPONSE_BODY),
        ("/v1/audio/transcriptions", Part.RESPONSE_BODY),
        ("/v1/images/edits", Part.NOTHING),
        ("/sdapi/v1/img2img", Part.NOTHING),
        ("/v1/audio/speech/x", Part.BODIES),
    ],
)
def test_mask_of_each_path(path, kept):
    assert kept_bodies(path) == kept
