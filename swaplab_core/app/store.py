"""Where the activity of a configuration is kept, and how much of it."""

from __future__ import annotations

from swaplab_core.adapters.store import SqlStore
from swaplab_core.config.schema import Config, StoreConfig
from swaplab_core.domain.activity import Retention


def retention(config: Config) -> Retention:
    """In memory a bounded number of rows is kept, in a database as much as the file says."""
    if config.store is None:
        return Retention(max_rows=max(1, config.metrics_max_in_memory))
    return Retention(config.store.max_rows or None, config.store.max_age_seconds or None)


def activity_store(config: Config) -> SqlStore:
    """The store that a configuration names; nothing is opened yet."""
    place = config.store or StoreConfig()
    return SqlStore(place.path, place.url, retention(config))
