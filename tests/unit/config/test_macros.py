"""Macros: order, types, scope, and what is left over."""

from __future__ import annotations

import pytest


def cmd(good, text, model="m", **options):
    return " ".join(good(text, **options).models[model].options.cmd)


def test_a_macro_may_use_those_above_it(good):
    text = """
macros:
  a: one
  b: "${a}-two"
  c: "${b}-${a}"
models:
  m: {cmd: "x ${c} ${PORT}"}
"""
    assert cmd(good, text) == "x one-two-one 5800"


def test_a_macro_may_use_one_that_stands_further_down(good):
    text = 'macros: {c: "${b}!", b: "${a}-${a}", a: one}\nmodels:\n  m: {cmd: "x ${c} ${PORT}"}\n'
    assert cmd(good, text) == "x one-one! 5800"


def test_a_models_macro_may_use_a_later_one_of_its_own(good):
    text = 'macros: {a: one}\nmodels:\n  m: {macros: {x: "${y}", y: "${a}"}, cmd: "x ${x} ${PORT}"}\n'
    assert cmd(good, text) == "x one 5800"


def test_a_cycle_is_no_danger(load_text):
    text = 'macros: {a: "${b}", b: "${c}", c: "${a}"}\nmodels: {m: {cmd: "x ${a} ${PORT}"}}\n'
    (problem,) = load_text(text).problems
    assert problem.path == "models.m.cmd"
    assert "uses itself, through other macros" in problem.advice


def test_a_models_macro_replaces_a_global_one_in_its_place(good):
    text = """
macros:
  tag: one
  image: "repo:${tag}"
models:
  a:
    cmd: run ${image} ${PORT}
    macros: {tag: two}
  b:
    cmd: run ${image} ${PORT}
"""
    assert cmd(good, text, "a") == "run repo:two 5800"
    assert cmd(good, text, "b") == "run repo:one 5801"


def test_a_models_macro_does_not_leak(errors):
    text = 'models:\n  a: {macros: {x: "1"}, cmd: "s ${x} ${PORT}"}\n  b: {cmd: "s ${x} ${PORT}"}\n'
    assert errors(text) == [("models.b.cmd", "unknown macro '${x}'")]


def test_a_macro_alone_keeps_its_type_and_is_written_out_inside_text(good):
    text = """
macros: {int: 7, float: 0.70, flag: true, text: "7"}
models:
  m:
    cmd: x ${PORT}
    ttl: "${int}"
    unlisted: ${flag}
    metadata: {a: "${int}", b: "${float}", c: "${flag}", d: "${text}", e: "n${int}${float}${flag}", f: [{g: "${int}"}]}
"""
    model = good(text).models["m"]
    assert (model.ttl_seconds, model.unlisted) == (7, True)
    assert model.metadata == {"a": 7, "b": 0.7, "c": True, "d": "7", "e": "n70.70true", "f": [{"g": 7}]}


def test_macros_work_in_every_section(good):
    text = """
macros: {n: 20, first: 6000, who: m, header: X-Id}
startPort: ${first}
healthCheckTimeout: "${n}"
models: {m: {cmd: "x ${PORT}", aliases: ["${MODEL_ID}-alias", "p${PORT}"]}}
hooks: {on_startup: {preload: ["${who}-alias"]}}
ui: {activity: {session_id: ["${header}"]}}
"""
    config = good(text)
    assert (config.start_port, config.health_check_timeout_seconds) == (6000, 20)
    assert config.models["m"].aliases == ("m-alias", "p6000")
    assert config.hooks.on_startup.preload == ("m",)
    assert config.ui.activity.session_id == ("X-Id",)


def test_keys_are_not_touched_except_those_of_set_params_by_id(good):
    text = """
macros: {k: key}
models:
  m:
    cmd: x ${PORT}
    metadata: {"${k}": 1}
    filters: {setParamsByID: {"${MODEL_ID}:${k}": {a: 1}, "p${PORT}": {b: "${k}"}}}
"""
    model = good(text).models["m"]
    assert model.metadata == {"${k}": 1}
    assert model.filters.set_params_by_id == {"m:key": {"a": 1}, "p5800": {"b": "key"}}
    assert model.aliases == ("m:key", "p5800")


def test_two_keys_of_set_params_by_id_may_not_become_the_same(errors):
    text = 'macros: {k: x}\nmodels: {m: {cmd: "s ${PORT}", filters: {setParamsByID: {"${k}": {}, x: {}}}}}\n'
    assert errors(text) == [("models.m.filters.setParamsByID.x", "this key becomes 'x', which is there already")]


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("PORT: 1", "'PORT' is a reserved macro name"),
        ("PID: 1", "'PID' is a reserved macro name"),
        ("MODEL_ID: x", "'MODEL_ID' is a reserved macro name"),
        ("a.b: 1", "'a.b' cannot name a macro"),
        (f"{'n' * 64}: 1", f"'{'n' * 64}' cannot name a macro"),
        ("list: [1]", "macro 'list' must be text, a number or true/false"),
        ("map: {a: 1}", "macro 'map' must be text, a number or true/false"),
        ("nothing:", "macro 'nothing' must be text, a number or true/false"),
        ('self: "a ${self}"', "macro 'self' uses itself"),
    ],
)
def test_a_wrong_declaration_is_named_in_the_file_and_in_a_model(errors, declaration, message):
    name = declaration.partition(":")[0]
    assert errors(f"macros:\n  {declaration}\n") == [(f"macros.{name}", message)]
    model = f"models:\n  m:\n    cmd: x ${{PORT}}\n    macros:\n      {declaration}\n"
    assert errors(model) == [(f"models.m.macros.{name}", message)]


def test_a_name_of_63_characters_is_fine(good):
    name = "n" * 63
    assert cmd(good, f'macros: {{{name}: v}}\nmodels: {{m: {{cmd: "x ${{{name}}} ${{PORT}}"}}}}\n') == "x v 5800"


def test_macros_must_be_a_mapping(errors):
    assert errors("macros: [a]\n") == [("macros", "must be a mapping, not a list")]


@pytest.mark.parametrize("key", ["cmd", "cmdStop", "proxy", "checkEndpoint", "name", "description", "useModelName"])
def test_an_unknown_macro_is_reported_where_it_stands(load_text, key):
    entry = {"cmd": "x ${PORT}", "proxy": "http://h:1"} | {key: "x ${nope} ${PORT}"}
    lines = "".join(f"    {name}: {value}\n" for name, value in entry.items())
    found = [problem for problem in load_text(f"models:\n  m:\n{lines}").problems if "nope" in problem.message]
    assert [(problem.path, problem.message) for problem in found] == [(f"models.m.{key}", "unknown macro '${nope}'")]


def test_the_advice_for_an_unknown_macro_fits_its_name(load_text):
    text = """
macros: {server: s}
globalTTL: "${PORT}"
models:
  m: {cmd: "${sever} ${HOME} ${PID} ${zzz} ${PORT}", aliases: ["${MODEL_ID}"]}
"""
    advice = {
        problem.message[17:-2]: problem.advice for problem in load_text(text).problems if "macro" in problem.message
    }
    assert advice["sever"] == "did you mean 'server'?"
    assert "${env.HOME}" in advice["HOME"]
    assert "cmdStop" in advice["PID"]
    assert "server" in advice["zzz"]


def test_port_and_model_id_mean_nothing_outside_models(errors):
    text = 'globalTTL: "${PORT}"\nlogLevel: "${MODEL_ID}"\n'
    assert ("globalTTL", "unknown macro '${PORT}'") in errors(text)
    assert ("logLevel", "unknown macro '${MODEL_ID}'") in errors(text)


def test_unknown_top_level_keys_may_hold_anything(errors):
    assert errors('x-notes: "${whatever}"\ndefs: {a: "${whatever}"}\n') == []


def test_a_dotted_name_is_no_macro(good):
    assert cmd(good, 'models: {m: {cmd: "x ${a.b} ${PORT}"}}\n') == "x ${a.b} 5800"


def test_the_process_id_stays_in_cmd_stop(good):
    model = good('models: {m: {cmd: "x ${PORT}", cmdStop: "kill ${PID} ${PORT}"}}\n').models["m"]
    assert model.cmd_stop == ("kill", "${PID}", "5800")


def test_a_comment_line_in_a_command_is_dropped_before_macros_expand(good):
    text = 'macros: {m: "one\\ntwo"}\nmodels:\n  m:\n    cmd: |\n      x ${PORT}\n      # ${m} ${unknown}\n      --y\n'
    assert cmd(good, text) == "x 5800 --y"


def test_a_global_macro_may_speak_of_the_model(good):
    text = """
macros: {run: "s --port ${PORT} --name ${MODEL_ID}"}
models: {b: {cmd: "${run}"}, "a/x:q4": {cmd: "${run}"}}
"""
    assert cmd(good, text, "a/x:q4") == "s --port 5800 --name a/x:q4"
    assert cmd(good, text, "b") == "s --port 5801 --name b"


def test_macros_expand_in_what_anchors_bring(good):
    text = """
x: &base {metadata: {p: "${PORT}", v: "${v}"}, ttl: "${v}"}
models:
  m:
    <<: *base
    macros: {v: 9}
    cmd: s ${PORT}
"""
    model = good(text).models["m"]
    assert (model.metadata, model.ttl_seconds) == ({"p": 5800, "v": 9}, 9)


def test_the_declared_macros_stay_unexpanded_in_the_configuration(good):
    text = 'macros: {a: 1, b: "x ${a}"}\nmodels: {m: {cmd: "x ${PORT}", macros: {c: "${b}"}}}\n'
    config = good(text)
    assert config.macros == {"a": 1, "b": "x ${a}"}
    assert config.models["m"].macros == {"c": "${b}"}


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('filters: {stripParams: "top_k, ${nope}"}', "filters.stripParams"),
        ("filters: {setParams: {a: {b: ['x', '${nope}']}}}", "filters.setParams.a.b[1]"),
        ("metadata: {a: [{b: 'x ${nope}'}]}", "metadata.a[0].b"),
        ("capabilities: {context: '${nope}'}", "capabilities.context"),
        ("aliases: [a, '${nope}']", "aliases[1]"),
        ("env: ['A=${nope}']", "env[0]"),
        ("ttl: ${nope}", "ttl"),
    ],
)
def test_an_unknown_macro_is_found_however_deep_it_stands(errors, line, path):
    found = errors(f"models:\n  m:\n    cmd: x ${{PORT}}\n    {line}\n")
    assert (f"models.m.{path}", "unknown macro '${nope}'") in found


def test_a_models_macro_precedes_in_metadata_with_its_own_type(good):
    text = """
macros: {size: small, label: "is ${size}"}
models:
  m: {cmd: "x ${PORT}", macros: {size: 9}, metadata: {size: "${size}", label: "${label}"}}
  n: {cmd: "x ${PORT}", metadata: {size: "${size}", label: "${label}"}}
"""
    models = good(text).models
    assert models["m"].metadata == {"size": 9, "label": "is 9"}
    assert models["n"].metadata == {"size": "small", "label": "is small"}


def test_names_and_descriptions_may_hold_macros(good):
    text = """
macros: {kind: chat}
models: {"a/x:q4": {cmd: "x ${PORT}", name: "${kind} ${MODEL_ID}", description: "${MODEL_ID} for ${kind}"}}
"""
    model = good(text).models["a/x:q4"]
    assert (model.name, model.description) == ("chat a/x:q4", "a/x:q4 for chat")


def test_what_is_known_late_may_come_through_a_macro(good):
    text = """
macros: {bye: "kill -9 ${PID}", where: "p${PORT}"}
models:
  m:
    cmd: x ${PORT}
    cmdStop: ${bye}
    filters: {setParamsByID: {"${where}": {a: 1}}}
"""
    model = good(text).models["m"]
    assert model.cmd_stop == ("kill", "-9", "${PID}")
    assert model.filters.set_params_by_id == {"p5800": {"a": 1}}


def test_the_process_id_that_comes_through_a_macro_is_known_in_cmd_stop_only(errors):
    text = 'macros: {bye: "kill ${PID}"}\nmodels: {m: {cmd: "x ${PORT} ${bye}"}}\n'
    assert errors(text) == [("models.m.cmd", "unknown macro '${PID}'")]


def test_macros_and_variables_work_in_peers(good):
    text = """
macros: {host: "http://h", word: polite, n: 3}
peers:
  p:
    proxy: ${host}:${env.NUMBER}
    apiKey: ${env.KEY}
    models: ["${word}-7b"]
    filters: {stripParams: "${word}", setParams: {a: "${n}", k: "${env.KEY}"}, setParamsByID: {"p/${word}-7b": {b: 1}}}
"""
    peer = good(text, environment={"KEY": "secret", "NUMBER": "42"}).peers["p"]
    assert (peer.proxy, peer.api_key, peer.models) == ("http://h:42", "secret", ("polite-7b",))
    assert peer.filters.strip_params == ("polite",)
    assert dict(peer.filters.set_params) == {"a": 3, "k": "secret"}


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("{proxy: 'http://h', models: [m], apiKey: '${nope}'}", "apiKey"),
        ("{proxy: 'http://${nope}', models: [m]}", "proxy"),
        ("{proxy: 'http://h', models: [m], filters: {setParams: {a: ['${nope}']}}}", "filters.setParams.a[0]"),
    ],
)
def test_an_unknown_macro_in_a_peer_is_reported(errors, entry, path):
    assert (f"peers.p.{path}", "unknown macro '${nope}'") in errors(f"peers: {{p: {entry}}}\n")


def test_an_unknown_macro_in_a_key_of_set_params_by_id_is_reported(errors):
    text = 'models: {m: {cmd: "x ${PORT}", filters: {setParamsByID: {"${nope}:think": {a: 1}}}}}'
    assert ("models.m.filters.setParamsByID.${nope}:think", "unknown macro '${nope}'") in errors(text)
