"""Recipe backends for tests: folders with a runner, and a container engine, that start simulated or real engines.

Nothing here needs docker or a GPU, and nothing is answered from a can: a runner renders its recipe and starts a
container, the container's process is a real server in a session of its own, and it lives on when its client is
killed, as under a real container engine. What is not cleaned up stays, and a test sees it.

`folders` writes the folders, `facts` are folders that need no disk, `runner` is the twin of `run-recipe.py` in both
generations, `docker` the twin of docker's command line, `engines` what stands for vLLM, SGLang, TensorRT-LLM and
llama-server inside a container.
"""

from __future__ import annotations
