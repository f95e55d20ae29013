"""A registry over HTTP: the distribution protocol as far as pulling goes, with its tokens.

One object for one pull from one address. Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md,
https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

import aiohttp

from wherry.kit.bodies import whole
from wherry.node.engine import Credentials
from wherry.node.images import manifests

_LARGEST_TEXT = 16 << 20
_CLIENT = "wherry"


class RegistryError(Exception):
    """It did not give what was asked. `status` 0: there was no answer."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Registry:
    """`address`: with scheme; `path`: of the repository."""

    def __init__(self, session: aiohttp.ClientSession, address: str, path: str, credentials: Sequence[Credentials]) -> None:
        self._session = session
        self._base = f"{address.rstrip('/')}/v2/{path}"
        self._path = path
        self._credentials = [*credentials]
        self._authorization = ""

    async def manifest(self, reference: str) -> bytes:
        """Raises RegistryError."""
        answer = await self._get(f"manifests/{reference}", {"Accept": manifests.ACCEPTED})
        async with answer:
            return await self._text(answer)

    async def text_blob(self, digest: str) -> bytes:
        async with await self._get(f"blobs/{digest}", {}) as answer:
            return await self._text(answer)

    async def blob(self, digest: str, start: int) -> aiohttp.ClientResponse:
        """From byte `start` on where the registry can; see its status (206 or 200). The caller closes it."""
        return await self._get(f"blobs/{digest}", {"Range": f"bytes={start}-"} if start else {})

    async def _get(self, what: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        url = f"{self._base}/{what}"
        tried: list[Credentials | None] = []
        while True:
            answer = await self._ask(url, {**headers, **({"Authorization": self._authorization} if self._authorization else {})})
            if answer.status in (200, 206):
                return answer
            if answer.status != 401 or len(tried) > len(self._credentials):
                raise await _refusal(answer, url)
            challenge = answer.headers.get("WWW-Authenticate", "")
            answer.close()
            who = self._credentials[len(tried)] if len(tried) < len(self._credentials) else None
            tried.append(who)
            self._authorization = await self._authorize(challenge, who)

    async def _ask(self, url: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        try:
            return await self._session.get(url, headers=headers)
        except TimeoutError as error:
            raise RegistryError(f'failed to do request: Get "{url}": no answer in time') from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RegistryError(f'failed to do request: Get "{url}": {error or type(error).__name__}') from error

    async def _text(self, answer: aiohttp.ClientResponse) -> bytes:
        try:
            body = await whole(answer.content, _LARGEST_TEXT)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise RegistryError(f"{answer.url}: {error or 'no answer in time'}") from error
        if body.cut:
            raise RegistryError(f"{answer.url}: the answer is larger than {_LARGEST_TEXT >> 20} MiB")
        return body.content

    # --- tokens ---
    async def _authorize(self, challenge: str, who: Credentials | None) -> str:
        """The header's value for what the registry wants to see; "" is nobody's."""
        scheme, fields = parse_challenge(challenge)
        if scheme == "basic":
            return _basic(who) if who else ""
        if scheme != "bearer" or "realm" not in fields:
            raise RegistryError(f"a way of authorization that is not supported: {challenge!r}", 401)
        return f"Bearer {await self._token(fields, who)}"

    async def _token(self, fields: dict[str, str], who: Credentials | None) -> str:
        scope = fields.get("scope") or f"repository:{self._path}:pull"
        service = fields.get("service", "")
        try:
            if who is not None and who.token:
                form = {"grant_type": "refresh_token", "service": service, "client_id": _CLIENT, "scope": scope, "refresh_token": who.token}
                async with self._session.post(fields["realm"], data=form) as answer:
                    return await _read_token(answer)
            query = {"scope": scope, **({"service": service} if service else {})}
            headers = {"Authorization": _basic(who)} if who else {}
            async with self._session.get(fields["realm"], params=query, headers=headers) as answer:
                return await _read_token(answer)
        except TimeoutError as error:
            raise RegistryError(f"failed to fetch a token from {fields['realm']}: no answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RegistryError(f"failed to fetch a token from {fields['realm']}: {error or type(error).__name__}") from error


def parse_challenge(header: str) -> tuple[str, dict[str, str]]:
    """`Bearer realm="...",service="..."`: scheme in lower case, fields."""
    scheme, _, rest = header.strip().partition(" ")
    return scheme.lower(), {key.lower(): value for key, value in re.findall(r'([A-Za-z_]+)="([^"]*)"', rest)}


def _basic(who: Credentials) -> str:
    return "Basic " + base64.b64encode(f"{who.username}:{who.password}".encode()).decode()


async def _read_token(answer: aiohttp.ClientResponse) -> str:
    if answer.status != 200:
        raise RegistryError("failed to authorize: failed to fetch a token: unexpected status: " + _status(answer), 401)
    content: dict[str, Any] = await answer.json(content_type=None)
    token = content.get("token") or content.get("access_token")
    if not isinstance(token, str):
        raise RegistryError("failed to authorize: the answer holds no token", 401)
    return token


async def _refusal(answer: aiohttp.ClientResponse, url: str) -> RegistryError:
    status, words = answer.status, _status(answer)
    answer.close()
    if status in (401, 403):
        text = "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"
        return RegistryError(text if status == 401 else f"unexpected status from GET request to {url}: {words}", status)
    return RegistryError("not found" if status == 404 else f"unexpected status from GET request to {url}: {words}", status)


def _status(answer: aiohttp.ClientResponse) -> str:
    return f"{answer.status} {answer.reason or ''}".strip()
