"""Model entries: defaults, types, backends, ports."""

from __future__ import annotations

import attrs
import pytest

from swaplab_core.config.schema import Capabilities


def only(config):
    (model,) = config.models.values()
    return model


def test_a_model_with_nothing_but_a_command_has_every_default(good):
    model = only(good("models:\n  m:\n    cmd: x --port ${PORT}\n"))
    assert model.id == "m"
    assert model.backend == "command"
    assert model.options.cmd == ("x", "--port", "5800")
    assert (model.port, model.proxy) == (5800, "http://localhost:5800")
    assert (model.check_endpoint, model.check_endpoint_given) == ("/health", False)
    assert (model.ttl_seconds, model.unload_timeout_seconds, model.concurrency_limit) == (0, 10, 10)
    assert (model.cmd_stop, model.aliases, dict(model.env)) == ((), (), {})
    assert (model.unlisted, model.send_loading_state, model.use_model_name) == (False, False, "")
    timeouts = model.timeouts
    assert (timeouts.connect_seconds, timeouts.keepalive_seconds, timeouts.response_header_seconds) == (30, 30, 0)
    assert (timeouts.tls_handshake_seconds, timeouts.expect_continue_seconds) == (10, 1)
    assert timeouts.idle_conn_seconds == 90


def test_an_empty_configuration_has_every_default(good):
    config = good("")
    assert (config.health_check_timeout_seconds, config.global_ttl_seconds, config.unload_timeout_seconds) == (
        120,
        0,
        10,
    )
    assert (config.start_port, config.log_level, config.log_to_stdout, config.log_time_format) == (
        5800,
        "info",
        "proxy",
        "",
    )
    assert (config.metrics_max_in_memory, config.capture_buffer_mib, config.api_keys) == (1000, 5, ())
    assert (config.store, config.performance.every_seconds, config.performance.disabled) == (None, 5, False)
    assert config.ui.activity.session_id == ("X-Session-ID", "X-Litellm-Session-Id")
    assert len(config.upstream.ignore_paths) == 1
    assert dict(config.models) == {}
    assert config.routing.router.use == "group"
    assert config.routing.scheduler.settings.fifo.patience == 8
    assert [(name, group.members) for name, group in config.groups.items()] == [("(default)", ())]


def test_models_keep_the_order_of_the_file_and_are_found_by_id_and_alias(good):
    config = good('models: {z: {cmd: "x ${PORT}", aliases: [one]}, a: {cmd: "x ${PORT}", aliases: [two]}}\n')
    assert list(config.models) == ["z", "a"]
    assert config.find("z") is config.find("one") is config.models["z"]
    assert config.find("two").id == "a"
    assert config.find("three") is None


def test_what_a_model_inherits(good):
    text = """
globalTTL: 60
unloadTimeout: 7
sendLoadingState: true
models:
  inherits: {cmd: "x ${PORT}", ttl: -1, unloadTimeout: 0, concurrencyLimit: 0}
  never: {cmd: "x ${PORT}", ttl: 0, sendLoadingState: false}
  own: {cmd: "x ${PORT}", ttl: 5, unloadTimeout: 2, concurrencyLimit: 3}
"""
    models = good(text).models
    assert [model.ttl_seconds for model in models.values()] == [60, 0, 5]
    assert [model.unload_timeout_seconds for model in models.values()] == [7, 7, 2]
    assert [model.concurrency_limit for model in models.values()] == [10, 10, 3]
    assert [model.send_loading_state for model in models.values()] == [True, False, True]


def test_no_check_is_not_the_same_as_nothing_written(good):
    text = 'models: {a: {cmd: "x ${PORT}", checkEndpoint: " none "}, b: {cmd: "x ${PORT}", checkEndpoint: /up}}\n'
    models = good(text).models
    assert (models["a"].check_endpoint, models["a"].check_endpoint_given) == (None, True)
    assert (models["b"].check_endpoint, models["b"].check_endpoint_given) == ("/up", True)


def test_empty_values_count_as_not_written(good):
    text = "models:\n  m:\n    cmd: x ${PORT}\n    ttl:\n    aliases: ~\n    filters:\n    proxy:\nhooks:\nglobalTTL:\n"
    assert only(good(text)).proxy == "http://localhost:5800"


def test_numbers_and_words_are_fine_where_text_is_asked_for(good):
    text = 'models:\n  7: {cmd: "x ${PORT}", aliases: [1.10, true, 8], name: 0x10, useModelName: no}\n'
    model = only(good(text))
    assert (model.id, model.aliases, model.name, model.use_model_name) == ("7", ("1.10", "true", "8"), "0x10", "no")


def test_a_switch_takes_the_words_that_llama_swap_takes(good):
    text = 'models: {a: {cmd: "x ${PORT}", unlisted: yes}, b: {cmd: "x ${PORT}", unlisted: Off}}\n'
    assert [model.unlisted for model in good(text).models.values()] == [True, False]


@pytest.mark.parametrize(
    ("line", "path", "message"),
    [
        ("ttl: '5'", "ttl", "must be a number, not the text '5'"),
        ("ttl: soon", "ttl", "must be a number, not the text 'soon'"),
        ("ttl: .inf", "ttl", "must be a number, not the number .inf"),
        ("ttl: -2", "ttl", "must be at least -1, not -2"),
        ("ttl: [1]", "ttl", "must be a number, not a list"),
        ("unloadTimeout: -1", "unloadTimeout", "must be at least 0, not -1"),
        ("concurrencyLimit: 2.5", "concurrencyLimit", "must be a whole number, not the number 2.5"),
        ("concurrencyLimit: true", "concurrencyLimit", "must be a whole number, not the word true"),
        ("unlisted: 1", "unlisted", "must be true or false, not the number 1"),
        ("unlisted: 'yes'", "unlisted", "must be true or false, not the text 'yes'"),
        ("aliases: one", "aliases", "must be a list, not the text 'one'"),
        ("aliases: [[a]]", "aliases[0]", "must be text, not a list"),
        ("aliases: [ok, ~]", "aliases[1]", "must be text, not empty"),
        ("name: {a: b}", "name", "must be text, not a mapping"),
        ("env: A=1", "env", "must be a list, not the text 'A=1'"),
        ("env: [A=1, B]", "env[1]", "the text 'B' is no NAME=value"),
        ("env: [=1]", "env[0]", "the text '=1' is no NAME=value"),
        ("env: ['A B=1']", "env[0]", "the text 'A B=1' is no NAME=value"),
        ("env: {A: 1}", "env", "must be a list, not a mapping"),
        ("filters: none", "filters", "must be a mapping of keys, not the text 'none'"),
        ("metadata: [a]", "metadata", "must be a mapping, not a list"),
        ("timeouts: {connect: -1}", "timeouts.connect", "must be at least 0, not -1"),
        ("capabilities: {in: [text, smell]}", "capabilities.in", "'smell' is none of: text, audio, image"),
        ("capabilities: {context: -1}", "capabilities.context", "must be at least 0, not -1"),
        ("compat: {ignoreWebsockets: maybe}", "compat.ignoreWebsockets", "must be true or false, not the text 'maybe'"),
        ("cmdStop: kill 'x", "cmdStop", "a quote in this command is never closed"),
        ("proxy: localhost:80", "proxy", "'localhost:80' is no http address"),
        ("proxy: http://", "proxy", "'http://' is no http address"),
        ("proxy: http://h:99999", "proxy", "'http://h:99999' is no http address"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(load_text, line, path, message):
    (problem, *others) = load_text(f"models:\n  m:\n    cmd: x ${{PORT}}\n    {line}\n").problems
    assert (problem.path, problem.line, problem.message) == (f"models.m.{path}", 4, message)
    assert [other for other in others if other.severity is problem.severity] == []


def test_the_advice_for_a_quoted_number_is_to_remove_the_quotes(load_text):
    (problem,) = load_text("globalTTL: '60'\n").problems
    assert problem.advice == "remove the quotes: 60"


def test_all_mistakes_of_all_models_come_at_once(errors):
    text = """
models:
  a: {ttl: x, cmd: "s ${PORT}", unlisted: 3}
  b: {cmd: "s ${PORT}", env: [A, B], aliases: [ok, [no]]}
  c: 17
"""
    assert [path for path, _ in errors(text)] == [
        "models.a.ttl",
        "models.a.unlisted",
        "models.b.env[0]",
        "models.b.env[1]",
        "models.b.aliases[1]",
        "models.c",
    ]


@pytest.mark.parametrize("entry", ["{}", "", "{ttl: 5}", "{cmd: }", "{cmd: ~}"])
def test_a_plain_model_needs_a_command(load_text, entry):
    (problem,) = load_text(f"models:\n  m: {entry}\n").problems
    assert (problem.path, problem.line, problem.message) == ("models.m", 2, "'cmd' is missing")


@pytest.mark.parametrize("cmd", ['""', '"  "', "'# nothing but a comment'"])
def test_an_empty_command_is_refused(errors, cmd):
    assert ("models.m.cmd", "is empty") in errors(f"models:\n  m: {{cmd: {cmd}}}\n")


def test_an_open_quote_in_a_command_is_a_problem_and_not_an_exception(errors):
    assert errors('models:\n  m: {cmd: "echo it\'s ${PORT}"}\n') == [
        ("models.m.cmd", "a quote in this command is never closed")
    ]


def test_a_fixed_port_without_an_address_is_refused(load_text):
    (problem,) = load_text("models:\n  m: {cmd: x --port 9}\n").problems
    assert (problem.path, problem.line, problem.message) == ("models.m", 2, "nobody says where this model will listen")


def test_the_port_in_proxy_alone_is_refused(errors):
    assert errors('models: {m: {cmd: x, proxy: "http://h:${PORT}"}}\n') == [
        ("models.m.proxy", "unknown macro '${PORT}'")
    ]


def test_ports_are_given_in_the_order_of_the_ids_to_those_who_use_them(good):
    text = """
startPort: 900
models:
  c: {cmd: "x ${PORT}"}
  a: {cmd: "x ${PORT}", metadata: {p: "${PORT}", t: "p=${PORT}"}}
  fixed: {cmd: x, proxy: "http://h:1/base"}
  b: {cmd: "x ${PORT}", proxy: "http://h:${PORT}/v1"}
"""
    models = good(text).models
    assert {name: model.port for name, model in models.items()} == {"c": 902, "a": 900, "fixed": None, "b": 901}
    assert models["b"].proxy == "http://h:901/v1"
    assert models["fixed"].proxy == "http://h:1/base"
    assert models["a"].metadata == {"p": 900, "t": "p=900"}


def test_a_model_keeps_the_port_it_has(good):
    text = 'models: {a: {cmd: "x ${PORT}"}, b: {cmd: "x ${PORT}"}, c: {cmd: "x ${PORT}"}}\n'
    models = good(text, keep_ports={"b": 5800, "c": 5803, "gone": 5801}).models
    assert {name: model.port for name, model in models.items()} == {"a": 5801, "b": 5800, "c": 5803}


def test_a_kept_port_below_the_start_port_is_given_up(good):
    text = 'startPort: 6000\nmodels: {a: {cmd: "x ${PORT}"}}\n'
    assert only(good(text, keep_ports={"a": 5800})).port == 6000


@pytest.mark.parametrize("port", ["0", "-1", "x", "'5'", "70000"])
def test_a_wrong_start_port_is_refused(errors, port):
    assert [path for path, _ in errors(f"startPort: {port}\n")] == ["startPort"]


def test_there_are_no_ports_above_the_last(errors):
    text = 'startPort: 65535\nmodels: {a: {cmd: "x ${PORT}"}, b: {cmd: "x ${PORT}"}}\n'
    assert errors(text) == [("models.b", "no port is left for this model")]


def test_the_options_of_a_backend_are_read_by_their_types(good):
    text = """
models:
  m:
    backend: typed
    model: ${MODEL_ID}.bin
    contextSize: 4096
    layers: 33
    draftCommand: draft 'a b' ${PORT}
    ttl: 3
"""
    model = only(good(text))
    assert (model.options.model, model.options.context_size, model.options.layers) == ("m.bin", 4096, 33)
    assert (model.options.mode, model.options.draft_command) == ("fast", ("draft", "a b", "5800"))
    assert (model.port, model.proxy, model.ttl_seconds) == (5800, None, 3)


def test_a_backend_that_needs_a_port_gets_one_and_an_address_may_still_be_written(good):
    text = 'models: {m: {backend: typed, model: x, layers: all, proxy: "http://h:${PORT}"}}\n'
    model = only(good(text))
    assert (model.port, model.proxy, model.options.layers) == (5800, "http://h:5800", "all")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("contextSize: large", "contextSize"),
        ("mode: slow", "mode"),
        ("parallel: 0", "parallel"),
        ("layers: [1]", "layers"),
    ],
)
def test_a_wrong_option_is_named_with_its_place(errors, line, path):
    assert [path for path, _ in errors(f"models:\n  m: {{backend: typed, model: x, {line}}}\n")] == [f"models.m.{path}"]


def test_a_missing_option_is_named(errors):
    assert errors("models:\n  m: {backend: typed}\n") == [("models.m", "'model' is missing")]


def test_an_unknown_backend_names_those_that_are_installed(load_text):
    (problem,) = load_text("models:\n  m:\n    backend: typd\n    model: x\n").problems
    assert (problem.path, problem.line, problem.message) == ("models.m.backend", 3, "no backend 'typd' is installed")
    assert problem.advice == "did you mean 'typed'? installed: command, typed"


def test_an_unknown_key_is_a_warning_that_names_what_it_may_mean(load_text):
    text = "modles: 1\nmodels:\n  m:\n    cmd: x ${PORT}\n    tttl: 5\n    timeouts: {conect: 1}\n    zzzz: 1\n"
    loaded = load_text(text)
    assert loaded.config is not None
    found = {
        problem.path: (problem.line, problem.advice) for problem in loaded.problems if "unknown key" in problem.message
    }
    assert found["modles"] == (1, "did you mean 'models'?")
    assert found["models.m.tttl"] == (5, "did you mean 'ttl'?")
    assert found["models.m.timeouts.conect"] == (6, "did you mean 'connect'?")
    line, advice = found["models.m.zzzz"]
    assert line == 7
    assert "concurrencyLimit" in advice
    assert "keys of backend 'command': cmd" in advice


def test_keys_with_an_x_are_for_people(warnings_of):
    assert warnings_of("x-notes: anything\nmodels:\n  m: {cmd: 'x ${PORT}', x-why: because}\n") == []


def test_the_reserved_model_for_comfyui_allows_many_connections(good):
    def limits(limit):
        model = only(good(f'models: {{comfyui_auto: {{cmd: "x ${{PORT}}", concurrencyLimit: {limit}}}}}\n'))
        return model.concurrency_limit, model.compat.ignore_websockets

    assert [limits(limit) for limit in (0, 10, 50, 60)] == [(50, True), (50, True), (50, True), (60, True)]


def test_filters_are_tidied(good):
    text = """
models:
  m:
    cmd: x ${PORT}
    filters:
      stripParams: " top_k, model,, a.b ,top_k"
      setParams: {z: 1, model: no, a: {deep: [true, ~]}}
      setParamsByID: {m: {x: 1}, m2: {model: no, y: 2}}
"""
    model = only(good(text))
    assert model.filters.strip_params == ("a.b", "top_k")
    assert list(model.filters.set_params.items()) == [("a", {"deep": [True, None]}), ("z", 1)]
    assert model.filters.set_params_by_id == {"m": {"x": 1}, "m2": {"y": 2}}
    assert model.aliases == ("m2",)


def test_keys_are_not_shown_when_a_configuration_is_printed(good):
    text = "apiKeys: [hidden-one]\npeers: {p: {proxy: 'http://h', models: [m], apiKey: hidden-two}}\n"
    assert "hidden" not in repr(good(text))


def test_timeouts_are_read_one_by_one_and_zero_switches_one_off(good):
    text = """
models:
  all:
    cmd: x ${PORT}
    timeouts: {connect: 1, keepalive: 2, responseHeader: 3, tlsHandshake: 4, expectContinue: 5, idleConn: 6}
  none:
    cmd: x ${PORT}
    timeouts: {connect: 0, keepalive: 0, responseHeader: 0, tlsHandshake: 0, expectContinue: 0, idleConn: 0}
  some: {cmd: "x ${PORT}", timeouts: {responseHeader: 90.5}}
"""

    def seconds(model):
        return [getattr(model.timeouts, field.name) for field in attrs.fields(type(model.timeouts))]

    models = good(text).models
    assert seconds(models["all"]) == [1, 2, 3, 4, 5, 6]
    assert seconds(models["none"]) == [0] * 6
    assert seconds(models["some"]) == [30, 30, 90.5, 10, 1, 90]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", {}),
        ("capabilities:", {}),
        ("capabilities: {tools: false, reranker: false, context: 0, in: [], out: []}", {}),
        ("capabilities: {in: [audio]}", {"inputs": ("audio",)}),
        ("capabilities: {reranker: true}", {"reranker": True}),
        (
            "capabilities: {in: [text, image], out: [text], tools: true, context: 32768}",
            {"inputs": ("text", "image"), "outputs": ("text",), "tools": True, "context": 32768},
        ),
        (
            'macros: {t: true, n: 8, w: image}\n    capabilities: {in: [text, "${w}"], tools: "${t}", context: "${n}"}',
            {"inputs": ("text", "image"), "tools": True, "context": 8},
        ),
    ],
)
def test_capabilities_are_what_is_written_and_nothing_else(good, written, read):
    assert only(good(f"models:\n  m:\n    cmd: x ${{PORT}}\n    {written}\n")).capabilities == Capabilities(**read)


def test_capabilities_may_come_from_an_anchor_with_the_models_own_macros(good):
    text = """
x: &sees {in: [text, image], out: [text], context: "${n}"}
macros: {n: 1024}
models:
  a: {cmd: "x ${PORT}", capabilities: *sees}
  b: {cmd: "x ${PORT}", macros: {n: 2048}, capabilities: {<<: *sees, tools: true}}
"""
    models = good(text).models
    seen = Capabilities(inputs=("text", "image"), outputs=("text",), context=1024)
    assert models["a"].capabilities == seen
    assert models["b"].capabilities == attrs.evolve(seen, context=2048, tools=True)


def test_websockets_count_like_any_request_unless_the_entry_says_otherwise(good):
    text = "models: {a: {cmd: 'x ${PORT}'}, b: {cmd: 'x ${PORT}', compat: {ignoreWebsockets: true}}}\n"
    assert [model.compat.ignore_websockets for model in good(text).models.values()] == [False, True]
