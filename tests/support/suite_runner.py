"""A runner of intelligence suites for tests, and not llama-benchy: the command line, output and files are the same.

A suite is a file of questions, `<suite>.jsonl` in the data sets' folder, each with what the answer must hold. Suites
that execute code write down as whom they did.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import time
import urllib.request

CODE = ("evalplus", "terminal_bench", "aider", "swebench_verified")


def main():
    """Run the suites that were asked for."""
    if "--version" in sys.argv:
        print("llama-benchy (a test's own runner of suites)")
        return
    wanted = arguments()
    print("llama-benchy (a test's own runner of suites)")
    folder = pathlib.Path(wanted.output_dir) / f"{time.time_ns()}_model"
    (folder / "artifacts").mkdir(parents=True)
    print(f"Intelligence run directory: {folder}")
    print("key:", os.environ.get("OPENAI_API_KEY"))  # careless, as programs are
    results = []
    for number, name in enumerate(wanted.intelligence_plugins, start=1):
        print(f"[intelligence] Starting plugin {name} ({number}/{len(wanted.intelligence_plugins)})...", flush=True)
        results.append(suite(name, wanted, folder))
    manifest = {"version": "test", "model": wanted.model, "run_dir": str(folder), "plugins": results}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def arguments():
    """Read the command line; a key on it is a mistake."""
    parser = argparse.ArgumentParser()
    for name in ("base-url", "model", "served-model-name", "tokenizer", "runs", "output-dir", "dataset-cache-dir"):
        parser.add_argument(f"--{name}")
    for name in ("pp", "tg", "intelligence-plugins"):
        parser.add_argument(f"--{name}", nargs="+")
    parser.add_argument("--max-concurrent", type=int)
    parser.add_argument("--enable-intelligence", action="store_true", required=True)
    parser.add_argument("--allow-code-exec", action="store_true")
    return parser.parse_args()


def suite(name, wanted, folder):
    """Run one; answers its part of the manifest."""
    if name in CODE:
        seen = {"uid": os.getuid(), "home": os.environ["HOME"], "environment": sorted(os.environ)}
        (folder / "artifacts" / "who.json").write_text(json.dumps(seen))
    file = pathlib.Path(wanted.dataset_cache_dir) / f"{name}.jsonl"
    if not file.exists():
        return {"plugin": name, "success": False, "error": f"Traceback\nFileNotFoundError: {file}", "tasks": []}
    questions = [json.loads(line) for line in file.read_text().splitlines()]
    right = sum(each["answer"] in ask(wanted, each["question"]) for each in questions)
    share = right / len(questions)
    raw = {"alias": name, "sample_len": len(questions), "exact_match,strict": share, "exact_match_stderr,strict": 0.25}
    task = {"name": name, "metric": "sample_len", "value": len(questions), "duration_seconds": 0.5, "raw": raw}
    return {"plugin": name, "success": True, "tasks": [task], "error": None}


def ask(wanted, question):
    """Ask the model."""
    body = {"model": wanted.served_model_name, "prompt": question, "max_tokens": 16, "temperature": 0}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    request = urllib.request.Request(f"{wanted.base_url}/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["choices"][0]["text"]


if __name__ == "__main__":
    main()
