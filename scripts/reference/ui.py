"""docs/reference/ui.md: the words that plugins use to show something."""

from __future__ import annotations

from reference.markdown import code, sentence, table
from swaplab_core.plugin.forms import HINTS
from swaplab_core.plugin.pages import CELLS, CONTEXTS, ICONS, KINDS, SECTIONS, SLOTS, WIDGETS

INTRODUCTION = """\
# What plugins can show

A plugin shows something with three hooks: [swaplab_panels](hooks.md#swaplab_panels) (entries of the side bar, views,
modules), [swaplab_actions](hooks.md#swaplab_actions) (operations with a form) and
[swaplab_config_section](hooks.md#swaplab_config_section) (settings). `GET /api/ui/manifest` tells the pages all of it.
Three tiers, from no JavaScript to any:

- **A view** says its kind and where its data come from. Nothing else is needed.
- **A module** without a build step: an ES module in a folder of your package that imports `../../../sdk/v1.js` and
  exports `mount(el, host)`.
- **A module** made by any bundler, with the same `mount`.

```python
Module(id="runs", slot="page", title="Runs", package="swaplab_mine", file="static/runs.js", route="/x/mine/runs")
```

All files of that folder are served at `/ui/plugins/<plugin>/<digest>/…`, and nothing outside it. `swaplab plugins lint`
checks what installed plugins show; `swaplab_core.testing.contracts.PluginContract` does it in your tests.

Titles, labels, descriptions and hints are written in English. A package that has them in another language, too, holds
`texts/<language>.json` (`texts/es.json`): an object of translations by the English text, word for word. It is found by
itself, for actions, forms, settings, jobs and what views answer; what is not in it is shown in English. A sentence with
values has a place for each, by any name; `{n}` is a number, every other place any text, and a translation may choose a
word by a number: `{n|one|many}`. Your code goes on to say `f"{done} of {runs} runs are done"`.

```json
{"Runs": "Ejecuciones", "{n} of {all} runs are done": "{n|Está hecha|Están hechas} {n} de {all} ejecuciones"}
```
"""

MANIFEST = """\
## The manifest

`{schema: 1, core, plugins, nav, views, actions, settings, modules}`. Ids are `<plugin>:<id>`. `schema` grows when an
older page could not read it any more; unknown members are to be passed over. Addresses in it are relative to the
server's root.

## Actions

`POST /api/actions/<plugin>:<action>` with `{input, target, start_at?}` makes a [job](http.md#job) (202, `{job}`), with
`?dry_run=1` it only answers `{commands, files, warnings, locks}`. Wrong input is 422 with
`{error: {fields: [{path, message}]}}`, where `path` is a JSON pointer. `target` is what the place of the action is
about: the value of the context that the action's `target` names (`model`, `plugin`, or a column of a table).

## Forms

A form is an attrs class whose fields are made with `form_field`; it becomes JSON Schema 2020-12 with these hints:
"""


def page() -> str:
    """Write the page."""
    return "\n".join(
        [
            INTRODUCTION,
            f"## Slots\n\nSections of the side bar: {', '.join(map(code, SECTIONS))}.\n",
            table(("slot", "where"), [(code(name), sentence(where)) for name, where in SLOTS.items()]),
            "\nPanels on a model's page get words that say what they are about. They stand in braces in a `source`",
            "(`api/plugins/mine/of/{model}`), are among the props of a module, and `only` of a view or module says",
            'which values it wants: `only={"backend": ("mine",)}`, `("*",)` being any but an empty one.\n',
            table(("word", "what it is"), [(code(word), what) for word, what in CONTEXTS["model.tabs"].items()]),
            "\n`page:<route>` is the head of that page. A table's `row_actions` names a slot of its own.\n",
            "## Kinds of views\n",
            table(
                ("kind", "shows", "its data", "its props"),
                [(code(name), kind.shows, kind.data, kind.props) for name, kind in KINDS.items()],
            ),
            "\n### Types of cells\n",
            table(("type", "shown"), [(code(name), shown) for name, shown in CELLS.items()]),
            MANIFEST,
            table(("`form_field(…)`", "schema"), [(code(name), code(hint)) for name, hint in HINTS.items()]),
            "\n`options=Options(url, …)` becomes `x-options` (and `x-free`), `secret=True` `writeOnly`.\n",
            "### Widgets\n",
            table(("widget", "for"), [(code(name), what) for name, what in WIDGETS.items()]),
            "## Icons\n\nOf entries of the side bar and of actions; any other name is a puzzle piece.\n",
            f"{', '.join(map(code, sorted(ICONS)))}.\n",
        ]
    )
