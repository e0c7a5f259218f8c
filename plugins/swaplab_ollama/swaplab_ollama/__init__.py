"""Ollama's API for swaplab: requests are translated to the OpenAI routes of this server, answers translated back.

`routes` which paths there are (the hook) · `adapter` asks the server, the only module that waits for anything. Pure:
`requests` an Ollama request as an OpenAI request · `messages` and `options` parts of it · `events` server-sent events
out of bytes · `answers` what the model said, out of OpenAI's JSON · `lines` what the model said, as Ollama's JSON ·
`models` the lists and descriptions of models · `names` tags.
"""

from __future__ import annotations
