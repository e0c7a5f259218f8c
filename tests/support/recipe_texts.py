"""Recipes that tests write into folders."""

from __future__ import annotations

VLLM = """\
recipe_version: "1"
name: Small
description: A small model
model: org/small
container: vllm-node
defaults:
  port: 8000
  host: 0.0.0.0
  tensor_parallel: 1
command: |
  vllm serve org/small --host {host} --port {port} -tp {tensor_parallel} --served-model-name small
"""
SGLANG = """\
recipe_version: "1"
name: SGLang small
model: org/small
runtime: sglang
container: sglang-node
defaults: {port: 30000, host: 0.0.0.0}
command: python3 -m sglang.launch_server --model-path org/small --host {host} --port {port}
"""
TRTLLM = """\
recipe_version: "1"
name: TRT small
model: org/small
runtime: trtllm
container: trtllm-node
defaults: {port: 8355, host: 0.0.0.0}
command: trtllm-serve org/small --host {host} --port {port}
"""
LLAMACPP = """\
name: GGUF small
model: org/small-GGUF:Q4_K_M
runtime: llama-cpp
container: llama-cpp-spark:last
defaults: {port: 8000, host: 0.0.0.0}
"""
