"""What every plugin made of hooks promises, as tests. Needs pytest, hypothesis and jsonschema.

```python
class TestMine(PluginContract):
    name = "mine"  # the entry point
    plugin = Mine  # what it names: a module or a class
    settings = Settings(folder="/srv")
    targets = ("", "/srv/some/backend")
```
"""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any, ClassVar, Literal, get_args, get_origin

import attrs
import orjson
from attrs import NOTHING, Attribute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from swaplab_core.config.structure import MAPPINGS, SEQUENCES, UNIONS, fields_by_key
from swaplab_core.domain.errors import ClientError
from swaplab_core.domain.plan import Plan
from swaplab_core.plugin import Action, form_schema, read_form
from swaplab_core.plugin.catalogue import Catalogue, PluginState
from swaplab_core.plugin.lint import Complaint, lint, lint_plan
from swaplab_core.testing.fake_lab import FakeLab

NASTY = (
    "-x", "--help", "-rf", "a b", "a'b", '"', "$(id)", "`id`", ";reboot", "../..", "/etc/passwd", "ñ☃", "*", "",
    "org/name:Q4", "http://x/y", "a,b", "~", "${PORT}", "%s", "0", "-1", "\\",
)  # fmt: skip
TEXTS = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)
LARGE = 10**6

promised = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class PluginContract:
    """Subclass it as `Test…` and set `name` and `plugin`; `settings` is an instance of its section's class."""

    name: ClassVar[str]
    plugin: ClassVar[object]
    settings: ClassVar[object | None] = None
    targets: ClassVar[Sequence[str]] = ("",)

    def lab(self) -> FakeLab:
        """The daemon that the hooks are given; override it to prepare it."""
        return FakeLab({} if self.settings is None else {self.name: self.settings})

    def test_the_catalogue_takes_it_in(self) -> None:
        catalogue = self._catalogue()
        (record,) = catalogue.records
        assert (record.state, record.error) == (PluginState.OK, "")

    def test_what_it_shows_and_offers_is_in_order(self) -> None:
        """See `swaplab_core.plugin.lint`; hints that harm nothing are not counted here."""
        hooks, lab = self._catalogue().hooks, self.lab()
        complaints = lint(
            self.name,
            settings=hooks.config_section().get(self.name),
            actions=hooks.actions(lab).get(self.name, ()),
            panels=hooks.panels(lab).get(self.name, ()),
            routes=hooks.routes(lab).get(self.name, ()),
        )
        _assert_in_order(complaints)

    def test_no_hook_fails(self) -> None:
        """All hooks that list things answer what they should, in any order and as often as they are asked."""
        catalogue, lab = self._catalogue(), self.lab()
        for _ in range(2):
            for ask in (catalogue.hooks.actions, catalogue.hooks.panels, catalogue.hooks.diagnostics):
                ask(lab)
            catalogue.hooks.nodes(lab)
            catalogue.hooks.commands()
        assert [record.error for record in catalogue.records] == [""]

    def test_its_forms_are_json_schema_and_their_defaults_fit(self) -> None:
        for form in self._forms():
            schema = form_schema(form)
            Draft202012Validator.check_schema(schema)
            validator = Draft202012Validator(schema)
            defaults = {k: part["default"] for k, part in schema["properties"].items() if "default" in part}
            wrong = [error.message for error in validator.iter_errors(defaults) if error.validator != "required"]
            assert wrong == [], form

    def test_what_it_shows_is_json(self) -> None:
        for panels in self._catalogue().hooks.panels(self.lab()).get(self.name, ()):
            orjson.dumps([dict(view.props) for view in panels.views])
            orjson.dumps([dict(module.props) for module in panels.modules])

    @promised
    @given(data=st.data())
    def test_every_input_is_planned_or_refused_and_no_text_becomes_an_option(self, data: st.DataObject) -> None:
        """A planner raises nothing but errors that tell a person what to do; argv is argv."""
        lab = self.lab()
        for action in self._catalogue().hooks.actions(lab).get(self.name, ()):
            wish = data.draw(form_values(action.spec.form))
            form, problems = read_form(action.spec.form, wish)
            target = data.draw(st.sampled_from(list(self.targets)))
            if problems or action.spec.unavailable or (action.guard is not None and action.guard(target)):
                continue
            try:
                plan = _planned(action, form, target)
            except ClientError:
                continue
            assert isinstance(plan, Plan)
            _assert_in_order(lint_plan(f"action {action.spec.id!r}", plan, list(_texts_in(wish))))

    def _catalogue(self) -> Catalogue:
        return Catalogue.of(plugins={self.name: self.plugin})

    def _forms(self) -> Iterator[type]:
        hooks = self._catalogue().hooks
        for action in hooks.actions(self.lab()).get(self.name, ()):
            yield action.spec.form
        if self.name in hooks.config_section():
            yield hooks.config_section()[self.name]


def _assert_in_order(complaints: Iterable[Complaint]) -> None:
    errors = [str(complaint) for complaint in complaints if complaint.is_error]
    assert not errors, "\n".join(errors)


def _planned(action: Action, form: Any, target: str) -> object:
    async def plan() -> object:
        answer = action.plan(form, target)
        return await answer if inspect.isawaitable(answer) else answer

    return asyncio.run(plan())


def _texts_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _texts_in(item)
        case list():
            for item in value:
                yield from _texts_in(item)
        case _:
            return


# values that a form takes


def form_values(form: type) -> st.SearchStrategy[dict[str, Any]]:
    """Decoded JSON for a form: most fields, each as its type and limits want it."""
    fields = fields_by_key(form)
    required = {key: _field_values(field) for key, field in fields.items() if field.default is NOTHING}
    optional = {key: _field_values(field) for key, field in fields.items() if field.default is not NOTHING}
    return st.fixed_dictionaries(required, optional=optional)


def _field_values(field: Attribute[Any]) -> st.SearchStrategy[Any]:
    metadata = field.metadata
    if metadata.get("pattern"):
        return st.from_regex(metadata["pattern"], fullmatch=True)
    if choices := metadata.get("choices"):
        one = st.sampled_from(list(choices))
        return st.lists(one, max_size=3) if get_origin(field.type) in SEQUENCES else one
    return _type_values(field.type, metadata)


def _type_values(type_: Any, metadata: Mapping[Any, Any]) -> st.SearchStrategy[Any]:
    type_ = getattr(type_, "__supertype__", type_)
    origin, arguments = get_origin(type_), get_args(type_)
    if attrs.has(type_):
        return form_values(type_)
    if origin in UNIONS:
        return st.one_of(*(_type_values(member, metadata) for member in arguments))
    if origin in SEQUENCES:
        return st.lists(_type_values(arguments[0], metadata), max_size=3)
    if origin in MAPPINGS:
        return st.dictionaries(TEXTS, _type_values(arguments[1], metadata), max_size=3)
    if origin is Literal:
        return st.sampled_from(list(arguments))
    if isinstance(type_, type) and issubclass(type_, Enum):
        return st.sampled_from([member.value for member in type_])
    return _plain_values(type_, metadata)


def _plain_values(type_: Any, metadata: Mapping[Any, Any]) -> st.SearchStrategy[Any]:
    low, high = metadata.get("minimum"), metadata.get("maximum")
    if type_ is types.NoneType:
        return st.none()
    if type_ is bool:
        return st.booleans()
    if type_ is int:
        return st.integers(int(-LARGE if low is None else low), int(LARGE if high is None else high))
    if type_ is float:
        return st.floats(-LARGE if low is None else low, LARGE if high is None else high, allow_nan=False)
    if type_ is str or (isinstance(type_, type) and issubclass(type_, PurePath)):
        return TEXTS
    return st.none() | st.booleans() | TEXTS
