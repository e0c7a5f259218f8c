"""The page at /ui/ where the pages were not built: models, their state and how to call them, without JavaScript."""

from __future__ import annotations

from html import escape

from swaplab_core.engine import Phase
from swaplab_core.services.models.lifecycle import ModelState

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Refresh": "5",
}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8884; vertical-align: top }
pre { background: #8882; padding: 1rem; overflow-x: auto; border-radius: .4rem }
.ready { color: #2a9d4a } .starting, .waking { color: #c98a00 } .stopped, .asleep { opacity: .6 }
"""


def render(states: list[ModelState], address: str) -> str:
    """The whole page; every text from outside is escaped."""
    rows = "\n".join(_row(state) for state in states) or "<tr><td colspan=4>No models are configured.</td></tr>"
    example = states[0].config.id if states else "MODEL"
    call = (
        f"curl -N {address}/v1/chat/completions -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"model": "{example}", "stream": true, "messages": [{{"role": "user", "content": "Hello"}}]}}\''
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>swaplab</title><style>{_STYLE}</style></head>
<body><h1>swaplab</h1>
<p>Ask for a model by its name; swaplab starts it, and stops what must make room.</p>
<table><thead><tr><th>model</th><th>state</th><th>requests</th><th>backend</th></tr></thead><tbody>
{rows}
</tbody></table>
<h2>How to call</h2>
<pre>{escape(call)}</pre>
<p>Base URL for OpenAI clients: <code>{escape(address)}/v1</code></p>
<p><small>The web pages are not here: this build has none. In a checkout <code>make ui</code> makes them.</small></p>
</body></html>
"""


def _row(state: ModelState) -> str:
    model = state.config
    title = f"<strong>{escape(model.id)}</strong>"
    if model.aliases:
        title += f"<br><small>also {escape(', '.join(model.aliases))}</small>"
    if model.description:
        title += f"<br><small>{escape(model.description)}</small>"
    requests = f"{state.serving} running, {state.waiting} waiting" if state.serving or state.waiting else ""
    cell = f'<span class="{state.phase.value}">{escape(_phase(state))}</span>'
    return f"<tr><td>{title}</td><td>{cell}</td><td>{requests}</td><td>{escape(model.backend)}</td></tr>"


def _phase(state: ModelState) -> str:
    if state.phase is not Phase.STARTING:
        return str(state.phase.value)
    progress = state.progress
    fraction = f" {progress.fraction:.0%}" if progress and progress.fraction is not None else ""
    stage = f", {progress.stage}{fraction}" if progress else ""
    return f"starting for {state.elapsed_seconds:.0f} s{stage}"
