"""The way to etcd: one gRPC channel to each of its servers, of which one is used until it fails.

Called by everything in this package. A call that certainly did not reach a server is made again at the next one; a read is, whatever went
wrong; a write about which nobody knows is not, since it could happen twice. Every failure is an `EtcdError` with the code and the text of
etcd. With a user name a token is asked for, and again when it has run out.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # child processes of ours never use gRPC, and its handlers would hold up the fork

import grpc
import grpc.aio

from wherry.store.etcd.errors import EtcdError
from wherry.store.etcd.messages import AUTHENTICATE, RANGE, STATUS, AuthenticateRequest, Method, StatusRequest
from wherry.store.etcd.stream import Place, WatchStream
from wherry.store.protocol import StoreError

#: seconds that a call may take
TIMEOUT = 10.0
#: seconds for the first answer of a server when a store is opened
FIRST_TIMEOUT = 5.0
_PORT = 2379
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 10_000),  # a server that is gone without a word is noticed; etcd refuses pings that come more often than 5 s
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 3_000),  # as long may a connection take
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
]
_REPEATABLE = frozenset({RANGE.path, STATUS.path, AUTHENTICATE.path})


@dataclass(frozen=True, slots=True)
class Access:
    """Where etcd is, and as whom it is asked. `servers`: URLs, all http or all https."""

    servers: tuple[str, ...]
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    username: str = ""
    password: str = ""


class Connection:
    """Raises StoreError for URLs and files that cannot be used."""

    def __init__(self, access: Access) -> None:
        self._access = access
        credentials, tls = _credentials(access), _tls(access)
        self._places = [_place(server, tls) for server in access.servers]
        self._channels = [_channel(place, credentials) for place in self._places]
        self._used = 0
        self._token = ""
        self._calls: dict[tuple[int, str], Any] = {}
        self._closed = False

    @property
    def server(self) -> str:
        """The URL of the server that is used now."""
        return self._access.servers[self._used]

    async def call(self, method: Method, request: Any, timeout: float = TIMEOUT) -> Any:
        """Raises EtcdError."""
        tries = len(self._channels)
        while True:
            tries -= 1
            try:
                return await self._once(method, request, timeout)
            except EtcdError as error:
                if error.is_unreachable:
                    self.next_server()
                if not tries or not (error.is_unsent or (error.is_unreachable and method.path in _REPEATABLE)):
                    raise

    async def watch(self, request: Any) -> WatchStream:
        """A watch at the server that is used now. Raises EtcdError."""
        return await WatchStream.open(self._places[self._used], self._token, request)

    def next_server(self) -> None:
        self._used = (self._used + 1) % len(self._channels)

    async def login(self) -> None:
        """Ask for a token, if there is a user. Raises EtcdError."""
        access = self._access
        if access.username:
            self._token = ""
            answer = await self.call(AUTHENTICATE, AuthenticateRequest(name=access.username, password=access.password))
            self._token = answer.token

    async def version(self) -> str:
        """Of the server. Raises EtcdError."""
        answer = await self.call(STATUS, StatusRequest(), FIRST_TIMEOUT)
        return str(answer.version)

    async def close(self) -> None:
        self._closed = True
        for channel in self._channels:
            await channel.close()

    async def _once(self, method: Method, request: Any, timeout: float) -> Any:
        call = self._calls.get((self._used, method.path))
        if call is None:
            call = self._calls[self._used, method.path] = self._channels[self._used].unary_unary(
                method.path, request_serializer=_serialized, response_deserializer=method.answer.FromString)
        try:
            return await call(request, timeout=timeout, metadata=self._metadata())
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            raise EtcdError(grpc.StatusCode.CANCELLED, "the connection is closed") from None  # which gRPC says by a cancellation
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED and self._access.username and method is not AUTHENTICATE:
                await self.login()  # the token has run out; a call that is refused for it did nothing
                return await self._again(call, request, timeout)
            raise failed(error) from None

    async def _again(self, call: Any, request: Any, timeout: float) -> Any:
        try:
            return await call(request, timeout=timeout, metadata=self._metadata())
        except grpc.aio.AioRpcError as error:
            raise failed(error) from None

    def _metadata(self) -> tuple[tuple[str, str], ...] | None:
        return (("token", self._token),) if self._token else None


def failed(error: grpc.aio.AioRpcError) -> EtcdError:
    """As the rest of the package knows it."""
    return EtcdError(error.code(), error.details() or "")


def _serialized(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def _place(server: str, tls: ssl.SSLContext | None) -> Place:
    url = urlsplit(server)
    if url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/"):
        raise StoreError(f"{server!r} is no URL of an etcd server: http://HOST:PORT or https://HOST:PORT")
    return Place(url.hostname, url.port or _PORT, tls)


def _channel(place: Place, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    target = f"dns:///{f'[{place.host}]' if ':' in place.host else place.host}:{place.port}"
    return grpc.aio.insecure_channel(target, _OPTIONS) if credentials is None else grpc.aio.secure_channel(target, credentials, _OPTIONS)


def _tls(access: Access) -> ssl.SSLContext | None:
    """The same for the watch, whose connection is the event loop's."""
    if not access.servers[0].startswith("https:"):
        return None
    try:
        context = ssl.create_default_context(cafile=str(access.ca_file) if access.ca_file is not None else None)
        if access.cert_file is not None:
            context.load_cert_chain(access.cert_file, access.key_file)
    except OSError as error:
        raise StoreError(f"the certificates for etcd cannot be used: {error}") from error
    context.set_alpn_protocols(["h2"])
    return context


def _credentials(access: Access) -> grpc.ChannelCredentials | None:
    schemes = {urlsplit(server).scheme for server in access.servers}
    if len(schemes) != 1:
        raise StoreError(f"etcd servers are all http or all https, not {', '.join(access.servers)}")
    if schemes == {"http"}:
        return None
    parts = [_content(each) for each in (access.ca_file, access.key_file, access.cert_file)]
    return grpc.ssl_channel_credentials(*parts)


def _content(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error


__all__ = ["Access", "Connection", "EtcdError", "failed"]
