"""Where the engine's images come from: the store, the table of names that need none, and registries."""

from __future__ import annotations

from collections.abc import Sequence

from wherry.node.engine import Credentials, Progress, PullFailed
from wherry.node.images.store import ImageStore, Stored
from wherry.node.images.table import Table


class Images:
    def __init__(self, store: ImageStore, table: Table | None = None) -> None:
        self.store = store
        self.table = table or Table()

    async def pull(self, name: str, credentials: Sequence[Credentials] = (), progress: Progress | None = None) -> Stored:
        raise PullFailed("ErrImagePull", "not yet")

    async def close(self) -> None:
        return
