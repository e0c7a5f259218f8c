"""Which tags a repository has, asked of its registry over HTTP (the distribution API). All I/O with registries is here.

Without an account: a registry that wants a token is asked for one that everybody gets. Answers are bounded in size and
number, redirects are not followed to other schemes, and only registries of this machine, or those that the operator
names, are asked without TLS.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
import orjson
from attrs import define, frozen

from swaplab_core.domain.errors import NodeError, NotThere
from swaplab_core.domain.image import repository_of

ASK_SECONDS = 8.0
PAGES = 20
PAGE_TAGS = 1000
ANSWER_BYTES = 4 * 2**20
HUB = "registry-1.docker.io"

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


@frozen
class Repository:
    """Where a repository is: the registry's host[:port], and its path there."""

    registry: str
    path: str

    def url(self, insecure: Collection[str]) -> str:
        """The registry's address."""
        scheme = "http" if is_near(self.registry) or self.registry in insecure else "https"
        return f"{scheme}://{self.registry}"


def locate(reference: str) -> Repository:
    """Where the repository of an image is; a name without a registry is Docker Hub's."""
    repository = repository_of(reference)
    registry, slash, path = repository.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        return Repository(HUB, repository if slash else f"library/{repository}")
    return Repository(HUB if registry in {"docker.io", "index.docker.io"} else registry, path)


def is_near(registry: str) -> bool:
    """Is it this machine's? Engines take that as reason enough to do without TLS, too."""
    host = urlsplit(f"//{registry}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@define(eq=False)
class Registries:
    """Asks registries. `insecure` are asked without TLS."""

    insecure: Collection[str] = ()

    async def tags(self, reference: str) -> tuple[str, ...]:
        """All tags of the repository of an image, in the registry's order. Raises NodeError and NotThere."""
        repository = locate(reference)
        try:
            async with asyncio.timeout(ASK_SECONDS), aiohttp.ClientSession() as session:
                return await _Asking(session, repository, repository.url(self.insecure)).tags()
        except TimeoutError:
            raise NodeError(f"the registry {repository.registry} did not answer within {ASK_SECONDS:g} s") from None
        except aiohttp.ClientError as error:
            raise NodeError(f"the registry {repository.registry} cannot be asked: {error}") from None


@define(eq=False)
class _Asking:
    session: aiohttp.ClientSession
    repository: Repository
    base: str
    token: str = ""

    async def tags(self) -> tuple[str, ...]:
        url, found = f"{self.base}/v2/{self.repository.path}/tags/list?n={PAGE_TAGS}", list[str]()
        for _ in range(PAGES):
            page, following = await self._page(url)
            found += page
            if not following:
                break
            url = following
        return tuple(dict.fromkeys(found))

    async def _page(self, url: str, *, again: bool = True) -> tuple[list[str], str]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.get(url, headers=headers, allow_redirects=False) as answer:
            if answer.status == 401 and again and await self._get_token(answer.headers.get("WWW-Authenticate", "")):
                return await self._page(url, again=False)
            if answer.status in {401, 403, 404}:
                raise NotThere(
                    f"{self.repository.registry} has no repository {self.repository.path} for everybody",
                    advice="see that its name is right; a private one has to be pulled by its tag",
                )
            if answer.status != 200:
                raise NodeError(f"the registry {self.repository.registry} answered with status {answer.status}")
            listed = await _read(answer)
            link = _NEXT.search(answer.headers.get("Link", ""))
        following = urljoin(url, link[1]) if link else ""
        same = urlsplit(following).netloc == urlsplit(url).netloc
        tags = listed.get("tags")
        return [str(tag) for tag in tags] if isinstance(tags, list) else [], following if same else ""

    async def _get_token(self, challenge: str) -> bool:
        """Ask the place that the registry names for a token; False when it wants something else."""
        kind, _, rest = challenge.partition(" ")
        asked = dict(_CHALLENGE.findall(rest))
        realm = asked.pop("realm", "")
        if kind.lower() != "bearer" or not self._may_ask(realm):
            return False
        parameters = {"scope": f"repository:{self.repository.path}:pull", **asked}
        async with self.session.get(f"{realm}?{urlencode(parameters)}", allow_redirects=False) as answer:
            if answer.status != 200:
                return False
            given = await _read(answer)
        self.token = str(given.get("token") or given.get("access_token") or "")
        return bool(self.token)

    def _may_ask(self, realm: str) -> bool:
        """Only over TLS, unless the registry itself is asked without."""
        parts = urlsplit(realm)
        return bool(parts.netloc) and (parts.scheme == "https" or (parts.scheme == "http" and self.base[:5] == "http:"))


async def _read(answer: aiohttp.ClientResponse) -> dict[str, object]:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > ANSWER_BYTES:
            raise NodeError(f"{answer.url.host} answered with more than {ANSWER_BYTES} bytes")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NodeError(f"{answer.url.host} answered with something that is no JSON") from None
    return value if isinstance(value, dict) else {}
