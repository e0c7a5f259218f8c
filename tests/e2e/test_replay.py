"""A moment of a running daemon, taken away as a file and replayed by the command."""

from __future__ import annotations

import json

import pytest
from running_swaplab import run_swaplab, sim


def replay(*arguments, text="", code=0):
    done = run_swaplab("replay", *arguments, text=text)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def recording(serve):
    """What the engine of a daemon did, that swapped, failed a start and refused a stranger."""
    swaplab = serve({"a": sim(), "b": sim(), "broken": {"cmd": "/nonexistent ${PORT}"}})
    assert [swaplab.chat(model).status for model in ("a", "b", "broken")] == [200, 200, 502]
    assert swaplab.ask("GET", "/api/debug/engine").status == 401  # it names models that a key may not be meant for
    answer = swaplab.ask_as_admin("GET", "/api/debug/engine")
    assert answer.status == 200
    slots = {slot["model"]: slot["phase"] for slot in answer.json()["state"]["slots"]}
    assert slots == {"a": "stopped", "b": "stopped", "broken": "stopped"}
    return answer.json()


def test_what_a_daemon_did_is_done_again_and_what_differs_is_shown(recording, tmp_path):
    file = tmp_path / "engine.json"
    file.write_text(json.dumps(recording))
    count = len(recording["steps"])
    told = f"{count} facts replayed with 3 models: all effects are the recorded ones\n"
    assert replay(file) == told

    everything = replay("--all", file)
    assert 'Requested ticket=2 model="b"\n                 StopUpstream model="a" incarnation=1 because=' in everything
    assert everything.endswith(told)

    number, step = next((n, step) for n, step in enumerate(recording["steps"], 1) if step["fact"].get("ticket") == 2)
    step["effects"] = []
    assert replay("-", text=json.dumps(recording), code=1) == (
        f'{number:5}. {step["seconds_ago"]:.3f} s before the end: Requested ticket=2 model="b"\n'
        "       recorded  (nothing)\n"
        '       now       StopUpstream model="a" incarnation=1'
        ' because="makes room for b: models without a group run one at a time" cost=1\n'
        f"swaplab: 1 of {count} facts have other effects in this version\n"
    )


@pytest.mark.parametrize("text", ["", '{"format": 1}'])
def test_a_file_that_is_no_recording_is_one_message_with_advice(text):
    message = replay("-", text=text, code=1)

    assert message.startswith("swaplab: - is no recording of an engine: ")
    assert message.endswith("(save what GET /api/debug/engine answers to the administrator)\n")
    assert message.count("\n") == 1
