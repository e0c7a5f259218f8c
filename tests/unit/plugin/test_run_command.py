"""`docker run` as people write it."""

from __future__ import annotations

import shlex

import pytest

from swaplab_core.plugin.run_command import read_run, with_labels

LABELS = ("--label", "a=b")


@pytest.mark.parametrize(
    ("line", "name", "image", "arguments"),
    [
        ("docker run img", "", "img", ()),
        ("docker run --rm --name box img:1 -m /x", "box", "img:1", ("-m", "/x")),
        ("/usr/bin/podman run --name=box img serve", "box", "img", ("serve",)),
        ("docker container run --name box img", "box", "img", ()),
        ("docker -H unix:///x.sock --tls run --name box img", "box", "img", ()),
        ("docker --context=far run --name box img", "box", "img", ()),
        ("docker run -it --name box img", "box", "img", ()),
        ("docker run -dp 80:80 --name box img", "box", "img", ()),
        ("docker run -p127.0.0.1:80:80 -v /a:/b --gpus all --name box img x", "box", "img", ("x",)),
        ("docker run --init=false --name first --name box img", "box", "img", ()),
        ("docker run --name box -- img --name other", "box", "img", ("--name", "other")),
    ],
)
def test_the_name_and_the_image_are_found(line, name, image, arguments):
    run = read_run(shlex.split(line))
    assert (run.name, run.image, run.arguments) == (name, image, arguments)


@pytest.mark.parametrize(
    "line",
    ["", "docker", "docker run", "docker run --rm", "docker exec box x", "llama-server run img", "docker ps run"],
)
def test_other_commands_are_not_read(line):
    assert read_run(shlex.split(line)) is None
    assert with_labels(shlex.split(line), LABELS) == tuple(shlex.split(line))


def test_labels_stand_first_among_the_options_of_run():
    argv = shlex.split("docker -H unix:///x run --rm img -m x")
    assert with_labels(argv, LABELS) == tuple(shlex.split("docker -H unix:///x run --label a=b --rm img -m x"))


def test_switches_and_values_are_told_apart():
    run = read_run(shlex.split("docker run -d --rm --sig-proxy=false -e A=1 --env B=2 img"))
    assert run.has("--detach")
    assert run.has("--rm")
    assert not run.has("--sig-proxy")
    assert run.values("--env") == ("A=1", "B=2")
