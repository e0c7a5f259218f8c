"""`plugins.hub` of the configuration file."""

from __future__ import annotations

from attrs import frozen

from swaplab_core.plugin import form_field


@frozen
class Settings:
    """What the operator may set."""

    cache: str = form_field(
        "Cache folder",
        "",
        widget="path",
        help="where models are; unwritten: as HF_HUB_CACHE and HF_HOME say. A folder chosen on the page wins",
    )
    endpoint: str = form_field(
        "Hub", "", help="address of another hub or a mirror; unwritten: as HF_ENDPOINT says", pattern=r"|https?://\S+"
    )
    token_file: str = form_field(
        "Token file",
        "",
        widget="path",
        help="file with your access token, read where HF_TOKEN is not set; unwritten: where `hf` keeps it",
    )
    parallel: int = form_field("Files at once", 4, minimum=1, maximum=32, help="in one download")
    reserve_gib: float = form_field(
        "Keep free", 1.0, minimum=0, unit="GiB", help="a download that would leave less is refused", key="reserveGiB"
    )
    unused_days: int = form_field(
        "Unused after", 60, minimum=1, unit="days", help="models that nobody has read for so long are suggested to go"
    )
    xet: bool = form_field(
        "Xet transfer",
        default=False,
        help="let hf_xet fetch large files: faster on fast lines, but a cancelled file begins anew",
        advanced=True,
    )
