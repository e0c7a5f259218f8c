"""What every backend driver promises, as tests. Needs pytest and hypothesis.

```python
class TestMyBackend(BackendContract):
    backend = MyBackend
    samples = (MyOptions(model="/models/a.bin"), MyOptions(model="-odd name.bin", context=4096))
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swaplab_core.plugin import Backend, LaunchRequest, LaunchSpec, ModelId, PluginFailed, Progress, Usage
from swaplab_core.plugin.catalogue import make_driver

HOST = "127.0.0.1"

MODELS = st.text(min_size=1).map(ModelId) | st.sampled_from(["-m", "--help", "a,b", "org/name:Q4", "x\ny"]).map(ModelId)
PORTS = st.integers(1, 65535)
LINES = st.text(st.characters(exclude_characters="\n\r")) | st.from_regex(r"\A\w+: load\w* .{0,20}\d{1,9}(\.\d+)? ?%\Z")
KEYS = st.text() | st.sampled_from(
    ["usage", "timings", "metrics", "response", "message", "prompt_tokens", "output_tokens", "prompt_n", "predicted_n"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
MESSAGES = st.dictionaries(KEYS, JSON, max_size=5)

# One suite for several drivers is the purpose here, so the same test does run in several classes.
promised = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.differing_executors])


class BackendContract:
    """Subclass it as `Test…` and set `backend`, and `samples`: instances of its options class that can be launched."""

    backend: ClassVar[type[Backend]]
    samples: ClassVar[Sequence[object]]

    def test_it_is_a_driver_that_the_catalogue_takes(self) -> None:
        """Its class has all that a driver needs, and can be made without arguments."""
        assert isinstance(make_driver(self.backend.name, self.backend), Backend)

    def test_every_option_says_what_it_means(self) -> None:
        """Forms and the reference are made from `metadata["help"]`."""
        silent = [option.name for option in attrs.fields(self.backend.options) if not option.metadata.get("help")]
        assert not silent, f"options without help: {silent}"

    def test_there_are_samples_of_its_own_options(self) -> None:
        """Without samples the other promises would hold for nothing."""
        assert self.samples
        assert all(isinstance(sample, self.backend.options) for sample in self.samples)

    @promised
    @given(model=MODELS, port=PORTS)
    def test_launch_makes_an_argv_that_means_the_same_to_everybody(self, model: ModelId, port: int) -> None:
        """A program, then plain strings: no model name can add a line, an argument or an option to it."""
        for sample in self.samples:
            argv = self._launch(sample, model, port).argv
            assert argv[0]
            assert not argv[0].startswith("-")
            assert all(isinstance(argument, str) for argument in argv)
            assert not [argument for argument in argv if set(argument) & set("\n\r\0")]
            plain = self._launch(sample, ModelId("plain"), port).argv
            assert len(argv) == len(plain)
            named = [mine for mine, other in zip(argv, plain, strict=True) if mine != other]
            assert not [argument for argument in named if argument.startswith("-")], "it would be read as an option"

    @promised
    @given(model=MODELS, port=PORTS)
    def test_launch_serves_only_on_the_address_it_was_given(self, model: ModelId, port: int) -> None:
        """The address is the host and port of the request, or "" for a driver that needs no port and got none."""
        for sample in self.samples:
            url = urlsplit(self._launch(sample, model, port).base_url)
            assert (url.scheme, url.hostname, url.port) == ("http", HOST, port)
            if not self.backend.needs_port:
                assert self._launch(sample, model, None).base_url == ""

    @promised
    @given(model=MODELS, port=PORTS)
    def test_launch_answers_the_same_to_the_same_request(self, model: ModelId, port: int) -> None:
        """It keeps no state and asks nobody else."""
        for sample in self.samples:
            assert self._launch(sample, model, port) == self._launch(sample, model, port)

    def test_launch_adds_only_text_to_the_environment(self) -> None:
        """Names and values are text that an operating system takes."""
        for sample in self.samples:
            for name, value in self._launch(sample, ModelId("a"), 5800).env.items():
                assert name
                assert not set(name) & set("=\0")
                assert "\0" not in value

    def test_a_missing_program_is_refused_with_advice(self) -> None:
        """Either the driver does not look for its program, or it says what to install."""
        for sample in self.samples:
            refusal = self._refusal_without_programs(sample)
            assert refusal is None or refusal.advice, f"no advice in: {refusal}"

    @promised
    @given(line=LINES)
    def test_progress_takes_any_line(self, line: str) -> None:
        """It never raises; a fraction is between 0 and 1."""
        progress = self.backend().progress(line)
        if progress is not None:
            assert isinstance(progress, Progress)
            assert progress.stage
            assert progress.fraction is None or 0.0 <= progress.fraction <= 1.0

    @promised
    @given(message=MESSAGES)
    def test_usage_takes_any_json(self, message: Mapping[str, Any]) -> None:
        """It never raises; what it says is None or a number from 0 on."""
        usage = self.backend().usage(message)
        if usage is not None:
            assert isinstance(usage, Usage)
            assert all(value is None or value >= 0 for value in attrs.astuple(usage))

    def _launch(
        self, options: object, model: ModelId, port: int | None, *, programs: Mapping[str, str] | None = None
    ) -> LaunchSpec:
        def find_program(name: str) -> str | None:
            return f"/opt/bin/{name}" if programs is None else programs.get(name)

        return self.backend().launch(LaunchRequest(model, options, HOST, port, find_program))

    def _refusal_without_programs(self, options: object) -> PluginFailed | None:
        try:
            self._launch(options, ModelId("a"), 5800, programs={})
        except PluginFailed as error:
            return error
        return None
