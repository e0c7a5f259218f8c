"""vLLM for swaplab: recipe folders of spark-vllm-docker, in both generations, and plain `vllm serve`.

`backend` the driver: launch, sleep, hot swap · `recipes` what it runs into with a recipe · `images` which containers ·
`actions` builds, pulls and downloads · `usage` what log and answers tell · `options` what an entry may say.
"""

from __future__ import annotations
