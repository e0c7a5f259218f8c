"""What every `Http` must do."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Protocol

import pytest

from swaplab_core.domain.launch import HttpCall
from swaplab_core.ports import Http
from swaplab_core.testing.contracts.scenario import Contract

ELSEWHERE = "http://192.0.2.1:80"
"""An address reserved for documentation: another machine that does not exist."""
PATIENT = 60.0


class HttpWorld(Protocol):
    """An `Http` under test, and upstreams of every kind; each method answers the base URL of a new one."""

    @property
    def http(self) -> Http:
        """The client under test."""
        ...

    @abstractmethod
    async def answering(self, status: int) -> str:
        """Answers every request with this status."""

    @abstractmethod
    async def answering_only(self, method: str, path: str, status: int) -> str:
        """Answers this status to this method and path, 404 to all else. The base URL has a path prefix."""

    @abstractmethod
    async def saying(self, path: str, body: bytes, status: int = 200) -> str:
        """Answers this path with a body, and requires that JSON was sent: without any it answers 400."""

    @abstractmethod
    async def hanging(self) -> str:
        """Accepts connections and never answers."""

    @abstractmethod
    async def closing(self) -> str:
        """Accepts connections and closes them without an answer."""

    @abstractmethod
    async def babbling(self) -> str:
        """Answers something that is not HTTP."""

    @abstractmethod
    async def nobody(self) -> str:
        """A free local address."""


class HttpContract(Contract[HttpWorld]):
    """Inherit and implement `world`."""

    @pytest.mark.parametrize("status", [200, 204, 302, 404, 503])
    def test_call_answers_the_status(self, status: int) -> None:
        async def scenario(world: HttpWorld) -> None:
            base_url = await world.answering(status)
            assert await world.http.call(base_url, HttpCall("GET", "/health", PATIENT)) == status

        self.run(scenario)

    def test_method_and_path_are_those_of_the_call_below_the_base_url(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            base_url = await world.answering_only("POST", "/sleep?level=1", 200)
            assert await world.http.call(base_url, HttpCall("POST", "/sleep?level=1", PATIENT)) == 200
            assert await world.http.call(base_url, HttpCall("POST", "/sleep?level=2", PATIENT)) == 404
            assert await world.http.call(base_url, HttpCall("POST", "/wake_up", PATIENT)) == 404

        self.run(scenario)

    def test_ask_answers_the_body_of_a_200(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            call = HttpCall("POST", "/v1/x", PATIENT, body=b'{"a": 1}')
            assert await world.http.ask(await world.saying("/v1/x", b'{"b": 2}'), call) == b'{"b": 2}'
            assert await world.http.ask(await world.saying("/v1/x", b"sorry", 500), call) is None
            assert await world.http.ask(await world.nobody(), call) is None
            assert await world.http.ask(await world.hanging(), HttpCall("POST", "/", 0.05, body=b"{}")) is None

        self.run(scenario)

    def test_nobody_listening_is_no_answer(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            assert await world.http.call(await world.nobody(), HttpCall("GET", "/health", PATIENT)) is None

        self.run(scenario)

    def test_a_closed_connection_is_no_answer(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            assert await world.http.call(await world.closing(), HttpCall("GET", "/health", PATIENT)) is None

        self.run(scenario)

    def test_garbage_is_no_answer(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            assert await world.http.call(await world.babbling(), HttpCall("GET", "/health", PATIENT)) is None

        self.run(scenario)

    def test_an_upstream_that_hangs_is_given_up_after_the_timeout(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            assert await world.http.call(await world.hanging(), HttpCall("GET", "/health", 0.05)) is None

        self.run(scenario)

    def test_calls_do_not_wait_for_each_other(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            hanging, answering = await world.hanging(), await world.answering(200)
            async with asyncio.TaskGroup() as tasks:
                stuck = tasks.create_task(world.http.call(hanging, HttpCall("GET", "/", 3600.0)))
                for _ in range(20):
                    assert await world.http.call(answering, HttpCall("GET", "/", PATIENT)) == 200
                assert not stuck.done()
                stuck.cancel()

        self.run(scenario)

    def test_an_address_where_somebody_listens_is_taken(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            assert await world.http.is_taken(await world.answering(200))
            assert await world.http.is_taken(await world.hanging())

        self.run(scenario)

    def test_a_free_address_is_not_taken(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            assert not await world.http.is_taken(await world.nobody())

        self.run(scenario)

    def test_an_address_of_another_machine_is_never_taken(self) -> None:
        async def scenario(world: HttpWorld) -> None:
            assert not await world.http.is_taken(ELSEWHERE)

        self.run(scenario)
