"""Where the engine's images come from: the store, the table of names that need none, and registries, by configuration.

Invariant: one pull of a name at a time; who asks for it meanwhile gets what that brings.
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wherry.node.engine import Credentials, Progress, PullFailed
from wherry.node.images import credentials as known
from wherry.node.images import names
from wherry.node.images.manifests import ManifestError
from wherry.node.images.names import Name
from wherry.node.images.store import ImageStore, Stored
from wherry.node.images.table import Table

if TYPE_CHECKING:
    import aiohttp

_HUB = "https://registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Registries:
    """`mirrors`: registry -> addresses with scheme, asked before it; `plain`: globs of registries without TLS.

    `silence`: seconds without a byte after which a registry counts as hanging. `missing`: globs of images that are nowhere to be had.
    """

    mirrors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    plain: tuple[str, ...] = ("localhost", "localhost:*", "127.*")
    silence: float = 60.0
    missing: tuple[str, ...] = ()

    def addresses(self, name: Name) -> list[str]:
        if name.domain == "docker.io":
            own = _HUB
        else:
            plain = any(fnmatch.fnmatchcase(name.domain, glob) for glob in self.plain)
            own = f"{'http' if plain else 'https'}://{name.domain}"
        return [*self.mirrors.get(name.domain, ()), own]


class Images:
    def __init__(self, store: ImageStore, table: Table | None = None, registries: Registries | None = None) -> None:
        self.store = store
        self.table = table or Table()
        self._registries = registries or Registries()
        self._session: aiohttp.ClientSession | None = None
        self._pulling: dict[str, asyncio.Task[Stored]] = {}

    async def pull(self, name: str, credentials: Sequence[Credentials] = (), progress: Progress | None = None) -> Stored:
        """Raises PullFailed."""
        wanted = names.parse(name)
        if any(fnmatch.fnmatchcase(each, glob) for glob in self._registries.missing for each in (name, str(wanted))):
            why = f'failed to resolve reference "{wanted}": {wanted}: not found'
            raise PullFailed("ErrImagePull", f'failed to pull and unpack image "{wanted}": {why}')
        task = self._pulling.get(str(wanted))
        if task is None:
            task = asyncio.get_running_loop().create_task(self._pull(wanted, credentials, progress or _say_nothing))
            self._pulling[str(wanted)] = task
            task.add_done_callback(lambda _: self._pulling.pop(str(wanted), None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        tasks = list(self._pulling.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _pull(self, name: Name, given: Sequence[Credentials], progress: Progress) -> Stored:
        from wherry.node.images.pull import Pulling
        from wherry.node.images.registry import Registry, RegistryError

        who = await self._credentials(name, given)
        failed = ""
        for address in self._registries.addresses(name):
            registry = Registry(self._get_session(), address, name.path, who)
            try:
                return await Pulling(self.store, registry, name, progress).run()
            except RegistryError as error:
                # the last one's words count: mirrors come before the registry itself
                prefix = f"{name}: " if error.status == 404 else ""
                failed = f'failed to resolve reference "{name}": {prefix}{error}'
            except (ManifestError, OSError) as error:
                failed = str(error)
        raise PullFailed("ErrImagePull", f'failed to pull and unpack image "{name}": {failed}')

    async def _credentials(self, name: Name, given: Sequence[Credentials]) -> list[Credentials]:
        fitting = known.matching(name, given)
        try:
            return [*fitting, *await asyncio.to_thread(known.of_user, name)]
        except known.CredentialsError as error:
            if fitting:
                return fitting
            raise PullFailed("ErrImagePull", f'failed to pull and unpack image "{name}": {error}') from error

    def _get_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            silence = self._registries.silence
            limits = aiohttp.ClientTimeout(total=None, sock_connect=min(silence, 30.0), sock_read=silence)
            self._session = aiohttp.ClientSession(timeout=limits, trust_env=True)
        return self._session


def _say_nothing(there: int, whole: int) -> None:
    return
