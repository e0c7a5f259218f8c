"""Makes SWE-bench's inference accept models and data sets that it does not know. Opt-in, see `sitecustomize`.

tiktoken: an unknown model's tokens are counted with `cl100k_base`. Data sets without a `text` column use
`problem_statement`, `prompt` or `question`. Both are put in when the library is first imported, and only then.

Standard library only.
"""

import importlib.abc
import importlib.util
import sys

TEXT_COLUMNS = ("problem_statement", "prompt", "question")


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the ordinary finders find the module and patches it after it has run."""

    def __init__(self, patches):
        self.patches = patches

    def find_spec(self, name, path=None, target=None):
        if name not in self.patches:
            return None
        patch = self.patches.pop(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            patch(module)

        spec.loader.exec_module = exec_module
        return spec


def patch_tiktoken(module):
    known = module.encoding_for_model

    def encoding_for_model(name):
        try:
            return known(name)
        except KeyError:
            return module.get_encoding("cl100k_base")

    module.encoding_for_model = encoding_for_model


def patch_datasets(module):
    load = module.load_dataset

    def load_dataset(*args, **kwargs):
        return with_text(load(*args, **kwargs))

    module.load_dataset = load_dataset


def with_text(dataset):
    """The data set with a `text` column, made of the first that can stand for it."""
    names = getattr(dataset, "column_names", None)
    if isinstance(names, dict):
        return type(dataset)({split: with_text(part) for split, part in dataset.items()})
    if not names or "text" in names:
        return dataset
    column = next((name for name in TEXT_COLUMNS if name in names), None)
    return dataset if column is None else dataset.map(lambda row: {"text": row[column]})


sys.meta_path.insert(0, _Finder({"tiktoken": patch_tiktoken, "datasets": patch_datasets}))
