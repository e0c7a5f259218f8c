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
