"""From what the library raises to a failure that a person can do something about. Runs in the worker."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from swaplab_core.domain.errors import InvalidRequest
from swaplab_hub.failures import Failure, Kind

_NO_ACCESS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def explain(error: BaseException, repo: str = "", revision: str = "") -> Failure:
    """Say what an exception means; its causes are asked when it says nothing by itself."""
    for each in _chain(error):
        if (found := _known(each, repo, revision)) is not None:
            return found
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return Failure(Kind.OTHER, text[:300], "see the log")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _known(error: BaseException, repo: str, revision: str) -> Failure | None:
    match error:
        case Failure():
            return error
        case InvalidRequest():
            return Failure(Kind.CHOICE, error.message, error.advice)
        case _ if type(error).__module__.partition(".")[0].startswith(("httpx", "requests")):
            said = str(error) or type(error).__name__
            advice = "check the line and the proxy; HF_ENDPOINT names another hub"
            return Failure(Kind.UNREACHABLE, f"{_host()} cannot be reached: {said}", advice)
        case _:
            return _of_the_library(error, repo, revision) or _of_the_disk(error)


def _of_the_library(error: BaseException, repo: str, revision: str) -> Failure | None:
    from huggingface_hub import errors  # noqa: PLC0415 - heavy, and only when something has failed

    match error:
        case errors.OfflineModeIsEnabled():
            return Failure(Kind.OFFLINE, "the hub is switched off by HF_HUB_OFFLINE", "unset it to reach the hub")
        case errors.GatedRepoError():
            return _gated(repo)
        case errors.RepositoryNotFoundError():
            return _not_found(repo)
        case errors.RevisionNotFoundError():
            message = f"{repo} has no revision {revision or 'main'!r}"
            return Failure(Kind.UNKNOWN, message, f"see {_host()}/{repo}/commits")
        case errors.HfHubHTTPError():
            return _refused(error.response.status_code, repo)
        case _ if type(error).__name__ == "FileMetadataError":
            return Failure(
                Kind.UNREACHABLE, f"{_host()} does not answer as a hub does", "check HF_ENDPOINT and the proxy"
            )
        case errors.HFValidationError():
            return Failure(Kind.CHOICE, str(error).split("\n")[0], "write organisation/name")
        case _:
            return None


def _gated(repo: str) -> Failure:
    place = f"{_host()}/{repo}"
    if _token() is None:
        return Failure(
            Kind.GATED,
            f"{repo} is gated, and there is no access token",
            f"ask for access at {place}, then set HF_TOKEN",
        )
    return Failure(Kind.GATED, f"{repo} is gated, and your token has no access to it", f"ask for access at {place}")


def _not_found(repo: str) -> Failure:
    advice = "check its name; a private one needs "
    advice += "HF_TOKEN" if _token() is None else "a token that may read it"
    return Failure(Kind.UNKNOWN, f"{_host()} has no {repo}, or does not show it", advice)


def _refused(status: int, repo: str) -> Failure:
    match status:
        case 401:
            return Failure(Kind.TOKEN, "the hub does not accept your access token", "make a new one, and set HF_TOKEN")
        case 403:
            return Failure(Kind.TOKEN, f"your access token may not read {repo}", "give it read access to repositories")
        case 429:
            advice = "wait a few minutes, or set HF_TOKEN" if _token() is None else "wait a few minutes"
            return Failure(Kind.LIMITED, "the hub takes no more requests from here for now", advice)
        case _:
            return Failure(Kind.UNREACHABLE, f"{_host()} answered with status {status}", "try again later")


def _of_the_disk(error: BaseException) -> Failure | None:
    if not isinstance(error, OSError):
        return None
    place = error.filename or "the cache"
    if error.errno in _NO_ROOM:
        return Failure(Kind.DISK_FULL, f"the disk is full: {place}", "delete what nobody uses, then resume")
    if error.errno in _NO_ACCESS:
        return Failure(Kind.FORBIDDEN, f"{place} cannot be written: {error.strerror}", "check whose files these are")
    return None


def _token() -> str | None:
    from huggingface_hub import get_token  # noqa: PLC0415 - heavy

    return get_token()


def _host() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
