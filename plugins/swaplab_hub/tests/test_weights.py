from __future__ import annotations

import pytest

from swaplab_core.domain.errors import InvalidRequest
from swaplab_hub.weights import RemoteFile, choices, first_gguf, quantisation_of, quantisations, select


def files(**sizes):
    return [RemoteFile(path, size, f"blob-{path}") for path, size in sizes.items()]


def paths(found):
    return {file.path for file in found}


TRANSFORMER = files(
    **{
        "README.md": 1, ".gitattributes": 1, "LICENSE": 1, "config.json": 2, "tokenizer.json": 3,
        "chat_template.jinja": 1,
        "modeling_own.py": 1, "model.safetensors.index.json": 2, "model-00001-of-00002.safetensors": 50,
        "model-00002-of-00002.safetensors": 40, "consolidated.safetensors": 90, "pytorch_model.bin": 90,
        "original/consolidated.00.pth": 90, "original/params.json": 1, "onnx/model.onnx": 90, "picture.png": 9,
    }
)  # fmt: skip
GGUF = files(
    **{
        "config.json": 1, "README.md": 1, "m-Q4_K_M.gguf": 40, "m-Q8_0.gguf": 80, "UD-Q2_K_XL/m-UD-Q2_K_XL.gguf": 20,
        "BF16/m-BF16-00001-of-00002.gguf": 90, "BF16/m-BF16-00002-of-00002.gguf": 70, "mmproj-F16.gguf": 5,
        "mmproj-F32.gguf": 9,
    }
)  # fmt: skip


def test_safetensors_come_once_with_what_an_engine_reads_beside_them():
    assert paths(select(TRANSFORMER)) == {
        "LICENSE", "config.json", "tokenizer.json", "chat_template.jinja", "modeling_own.py",
        "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
    }  # fmt: skip


def test_a_quantisation_comes_with_all_its_parts_its_projector_and_the_configuration():
    found = select(GGUF, "gguf:BF16")
    assert paths(found) == {
        "BF16/m-BF16-00001-of-00002.gguf", "BF16/m-BF16-00002-of-00002.gguf", "mmproj-F16.gguf", "config.json",
    }  # fmt: skip
    assert paths(select(GGUF, "gguf:q4_k_m")) == {"m-Q4_K_M.gguf", "mmproj-F16.gguf", "config.json"}
    assert paths(select(GGUF, "gguf:q4")) == paths(select(GGUF, "gguf:Q4_K_M"))


def test_choices_are_offered_with_their_sizes_the_smallest_quantisation_first():
    assert [(each.id, each.bytes) for each in choices(GGUF)] == [
        ("gguf:UD-Q2_K_XL", 26), ("gguf:Q4_K_M", 46), ("gguf:Q8_0", 86), ("gguf:BF16", 166), ("all", 316),
    ]  # fmt: skip
    assert [each.id for each in choices(TRANSFORMER)] == ["safetensors", "all"]


def test_of_several_quantisations_none_is_guessed():
    for wanted in ("auto", "gguf", "gguf:Q", "gguf:Q5_K_M", "nonsense"):
        with pytest.raises(InvalidRequest) as caught:
            select(GGUF, wanted)
        assert "gguf:Q4_K_M" in caught.value.advice


def test_old_weights_are_taken_where_there_are_no_others():
    old = files(**{"config.json": 1, "pytorch_model.bin": 9, "training_args.bin": 1, "original/x.pth": 9})
    assert paths(select(old)) == {"config.json", "pytorch_model.bin"}


def test_patterns_take_the_place_of_the_weights_and_leave_files_out():
    assert paths(select(GGUF, include=["*Q8*"])) == {"m-Q8_0.gguf", "config.json"}
    assert paths(select(GGUF, "gguf:Q8_0", exclude=["*.json", "mmproj*"])) == {"m-Q8_0.gguf"}
    with pytest.raises(InvalidRequest, match="no file is like"):
        select(GGUF, include=["*.nothing"])
    with pytest.raises(InvalidRequest, match="nothing is left"):
        select(GGUF, "gguf:Q8_0", exclude=["*"])


def test_two_models_of_one_quantisation_are_told_apart():
    assert list(quantisations(files(**{"small-Q8_0.gguf": 1, "large-Q8_0.gguf": 2}))) == ["small-Q8_0", "large-Q8_0"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("m.Q4_K_M.gguf", "Q4_K_M"), ("m-IQ2_XXS-00001-of-00003.gguf", "IQ2_XXS"), ("m-f16.gguf", "F16"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"), ("m-TQ1_0.gguf", "TQ1_0"), ("plain.gguf", ""), ("Qwen3-Q8.gguf", "Q8"),
    ],
)  # fmt: skip
def test_the_quantisation_is_read_off_the_name(name, label):
    assert quantisation_of(name) == label


def test_a_split_model_begins_with_its_first_part():
    sizes = {"b-00002-of-00002.gguf": 9, "b-00001-of-00002.gguf": 9, "a.gguf": 1, "mmproj-x.gguf": 99}
    assert first_gguf(sizes, sizes) == "b-00001-of-00002.gguf"
    assert first_gguf([], {}) == ""
