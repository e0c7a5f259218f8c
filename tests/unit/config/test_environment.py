"""`${env.NAME}`."""

from __future__ import annotations

import pytest

ENVIRONMENT = {"KEY": "secret", "NUMBER": "42", "EMPTY": "", "QUOTED": 'a"b\\c', "LINES": "a\nb", "NUL": "a\0b"}


def test_a_variable_works_everywhere_and_yaml_gives_it_its_type(good):
    text = """
apiKeys: [${env.KEY}, "x-${env.KEY}-${env.NUMBER}"]
globalTTL: ${env.NUMBER}
macros: {home: "${env.KEY}/dir"}
models:
  ${env.KEY}: {cmd: "x ${home} ${PORT}", description: "${env.EMPTY}", metadata: {n: ${env.NUMBER}, t: "${env.NUMBER}"}}
"""
    config = good(text, environment=ENVIRONMENT)
    assert config.api_keys == ("secret", "x-secret-42")
    assert config.global_ttl_seconds == 42
    assert config.models["secret"].options.cmd == ("x", "secret/dir", "5800")
    assert config.models["secret"].metadata == {"n": 42, "t": "42"}


def test_quotes_and_backslashes_survive_in_double_quotes(good):
    assert good('apiKeys: ["${env.QUOTED}"]\n', environment=ENVIRONMENT).api_keys == ('a"b\\c',)


def test_every_missing_variable_is_named_with_its_place(load_text):
    loaded = load_text("# c\napiKeys:\n  - ${env.ONE}\nlogLevel: ${env.TWO}\nglobalTTL: 1\n", environment={})
    found = [
        (problem.line, problem.column, problem.message) for problem in loaded.problems if "variable" in problem.message
    ]
    assert found == [
        (3, 5, "environment variable 'ONE' is not set"),
        (4, 11, "environment variable 'TWO' is not set"),
    ]


@pytest.mark.parametrize("name", ["LINES", "NUL"])
def test_a_value_of_several_lines_is_refused(errors, name):
    assert errors(f"logLevel: ${{env.{name}}}\n", environment=ENVIRONMENT) == [
        ("", f"environment variable '{name}' holds a line break")
    ]


def test_comments_may_name_what_they_like(errors):
    text = "# ${env.A}\nlogLevel: info # ${env.B}\n  # ${env.LINES}\napiKeys:\n  - x\n  #- ${env.C}\n"
    assert errors(text, environment=ENVIRONMENT) == []


def test_a_hash_inside_a_text_is_no_comment(errors):
    text = 'models:\n  m:\n    cmd: |\n      x ${PORT}\n      # ${env.A}\n    name: "# ${env.B}"\n'
    assert [message for _, message in errors(text)] == [
        "environment variable 'A' is not set",
        "environment variable 'B' is not set",
    ]


def test_in_a_text_that_is_no_yaml_all_variables_matter_and_come_first(load_text):
    loaded = load_text("a: [\n# ${env.A}\n", environment={})
    assert "environment variable 'A' is not set" in [problem.message for problem in loaded.problems]
    assert loaded.config is None


def test_only_names_of_variables_are_taken(good):
    assert good('models: {m: {cmd: "x ${env.a-b} ${PORT}"}}\n').models["m"].options.cmd[1] == "${env.a-b}"


def test_a_missing_variable_has_no_consequences_but_other_lines_are_checked(errors):
    text = 'apiKeys:\n  - "${env.A}"\n  - "x y"\nglobalTTL: "${env.B}"\nunloadTimeout: -1\n'
    assert [message for _, message in errors(text)] == [
        "environment variable 'A' is not set",
        "key 1 holds a space",
        "environment variable 'B' is not set",
        "must be at least 0, not -1",
    ]


def test_a_key_that_becomes_empty_is_refused_like_one_written_empty(errors):
    assert errors('apiKeys: ["${env.EMPTY}"]\n', environment=ENVIRONMENT) == [("apiKeys[0]", "key 0 is empty")]


def test_a_carriage_return_is_a_line_break_too(errors):
    found = errors('logLevel: "${env.CR}"\n', environment={"CR": "a\rb"})
    assert found == [("", "environment variable 'CR' holds a line break")]


@pytest.mark.parametrize(
    "line",
    [
        "logLevel: ${env.NO}",
        "apiKeys: [a, '${env.NO}']",
        "macros: {a: '${env.NO}'}",
        "models: {m: {cmd: 'x ${PORT} ${env.NO}'}}",
        "models: {m: {cmd: 'x ${PORT}', metadata: {a: [{b: '${env.NO}'}]}}}",
        "peers: {p: {proxy: 'http://h', models: [m], apiKey: '${env.NO}'}}",
        "peers: {p: {proxy: 'http://h', models: [m], filters: {setParams: {a: '${env.NO}'}}}}",
    ],
)
def test_a_missing_variable_is_an_error_wherever_it_is_used(errors, line):
    assert [message for _, message in errors(line + "\n")] == ["environment variable 'NO' is not set"]
