"""`swaplab bench`: run, list, compare. Asks the running daemon; the exit code tells a script what it must know."""

from __future__ import annotations

import sys
import time
from typing import Any
from urllib.parse import quote, urlencode

import click

from swaplab_core.plugin import ServerClient, pass_server

REGRESSED, INCONCLUSIVE = 1, 3
POLL_SECONDS = 1.0


@click.group(help="Measure models with llama-benchy, and compare what was measured.")
def bench() -> None:
    """The group."""


@bench.command(help="Measure MODELS, one after the other, and wait for the result.")
@click.argument("models", nargs=-1, required=True)
@click.option("--pp", multiple=True, type=int, help="prompt tokens (may be given several times)")
@click.option("--tg", multiple=True, type=int, help="generated tokens (may be given several times)")
@click.option("--depth", multiple=True, type=int, help="tokens of context before the prompt")
@click.option("--concurrency", multiple=True, type=int, help="requests at once")
@click.option("--runs", type=int, default=5, show_default=True, help="repetitions; a verdict needs five")
@click.option("--tokenizer", default="", help="org/name, or a folder with a tokenizer.json")
@click.option("--skip-coherence", is_flag=True, help="for small models that fail the coherence test")
@click.option("--no-wait", is_flag=True, help="queue it and print its id")
@pass_server
def run(server: ServerClient, models: tuple[str, ...], *, no_wait: bool, **options: Any) -> None:
    """Queue a run."""
    body: dict[str, Any] = {"queueModels": list(models), "runs": options["runs"], "tokenizer": options["tokenizer"]}
    body |= {name: list(options[name]) for name in ("pp", "tg", "depth", "concurrency") if options[name]}
    body["skipCoherence"] = options["skip_coherence"]
    run_id = str(server.request("POST", "/api/benchy", body)["id"])
    if no_wait:
        click.echo(run_id)
        return
    sys.exit(_follow(server, run_id))


def _follow(server: ServerClient, run_id: str) -> int:
    said = ""
    while True:
        document = server.request("GET", f"/api/benchy/{quote(run_id)}")
        progress = document.get("progress") or {}
        now = f"{document['state']} {progress.get('stage', '')}".strip()
        if now != said:
            click.echo(now, err=True)
            said = now
        if document.get("finishedAt"):
            break
        time.sleep(POLL_SECONDS)
    if document["status"] != "done":
        click.echo(document.get("error", document["status"]), err=True)
        return 1
    for result in document.get("results", ()):
        _print_result(server.request("GET", f"/api/benchy/results/{result['result']}"))
        if "folder" in result:
            click.echo(f"  all that the suites wrote is in {result['folder']}")
    return 0


def _print_result(result: dict[str, Any]) -> None:
    click.echo(f"{result['provenance']['model']}  {result['id']}")
    for point in result["points"]:
        metrics = point["metrics"]
        cells = [f"{name} {_number(metrics.get(key))}" for name, key in _SHOWN if metrics.get(key)]
        click.echo(f"  {point['name']:<24} {'   '.join(cells)}")
    for score in result["scores"]:
        value = score["failure"] or "no score" if score["value"] is None else f"{score['value']:.1%}  {score['metric']}"
        click.echo(f"  {score['task'] or score['suite']:<24} {value}")


_SHOWN = (("pp", "pp_throughput"), ("tg", "tg_throughput"), ("ttft ms", "e2e_ttft"))


def _number(metric: dict[str, Any] | None) -> str:
    return "" if metric is None else f"{metric['mean']:.1f} ± {metric['std']:.1f}"


@bench.command("list", help="List results, newest first.")
@click.option("--model", default="", help="of this model only")
@pass_server
def list_results(server: ServerClient, model: str) -> None:
    """Print a line each."""
    results = server.request("GET", "/api/benchy/results?" + urlencode({"model": model}))["results"]
    if not results:
        click.echo("There are no results yet; make one with: swaplab bench run MODEL", err=True)
    for result in results:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(result["created"]))
        click.echo(f"{result['id']}  {made}  {result['provenance']['model']}  {len(result['points'])} tests")


@bench.command(
    help="Is result B better or worse than A? Ends with 1 when it is worse by more than --max-regress, with 3 when "
    "nobody can tell."
)
@click.argument("a")
@click.argument("b")
@click.option("--max-regress", default="5%", show_default=True, help="how much worse B may be")
@pass_server
def compare(server: ServerClient, a: str, b: str, max_regress: str) -> None:
    """Compare two results."""
    found = server.request("GET", "/api/benchy/compare?" + urlencode({"a": a, "b": b, "max_regress": max_regress}))
    for metric in found["metrics"]:
        click.echo(f"{metric['metric']:<16} {metric['verdict']:<13} {metric['reason']}")
        for point in metric["points"]:
            click.echo(f"    {point['test']:<24} {point['a']:>10.1f} → {point['b']:>10.1f}  {point['change']:+.1%}")
    for score in found["scores"]:
        click.echo(f"{score['task']:<16} {score['verdict']:<13} {score['a']:.1%} → {score['b']:.1%}  {score['reason']}")
    click.echo(f"verdict: {found['verdict']}")
    if found["regresses"]:
        sys.exit(REGRESSED)
    if found["verdict"] == "inconclusive":
        sys.exit(INCONCLUSIVE)


@bench.command(help="Install llama-benchy into an environment of the daemon's own.")
@pass_server
def install(server: ServerClient) -> None:
    """Run the action and wait."""
    job = server.request("POST", "/api/actions/benchy:install", {"input": {}})["job"]
    job_id = job["id"] if isinstance(job, dict) else job
    while True:
        state = server.request("GET", f"/api/jobs/{quote(job_id)}")
        record = state.get("job", state)
        if record["state"] in {"succeeded", "failed", "cancelled", "interrupted"}:
            break
        time.sleep(POLL_SECONDS)
    if record["state"] != "succeeded":
        click.echo(record.get("error") or record["state"], err=True)
        sys.exit(1)
    click.echo("installed")
