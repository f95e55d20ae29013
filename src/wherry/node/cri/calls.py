"""Calls of a container runtime over its socket: a request as plain values in, a message out, each with a deadline.

Used by all of this package. A call that is cancelled is cancelled at the runtime; a connection that breaks is made anew by the next call,
so nothing here has to know that the runtime was started again. Invariant: what a caller gets is a message, `CallFailed` (the runtime said
no) or `Unavailable` (it said nothing). Source: https://kubernetes.io/docs/concepts/containers/cri/, https://grpc.io/docs/guides/deadlines/,
pkg/kubelet/cri/remote (size of messages, deadlines). Needs the extra `containerd`, so it is imported with the first such node.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from wherry.kit.messages import classes
from wherry.node.engine import Unavailable

#: seconds: of most calls (the kubelet's --runtime-request-timeout), and of what answers at once or not at all
USUAL, SHORT = 120.0, 10.0
_TABLE = Path(__file__).with_name("runtime_v1.table")
_MOST_BYTES = 16 << 20
_IMAGES = frozenset(("ListImages", "ImageStatus", "PullImage", "RemoveImage", "ImageFsInfo"))
_OPTIONS = (
    ("grpc.max_receive_message_length", _MOST_BYTES), ("grpc.max_send_message_length", _MOST_BYTES), ("grpc.enable_http_proxy", 0),
    ("grpc.default_authority", "localhost"), ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000), ("grpc.use_local_subchannel_pool", 1),
)  # fmt: skip
#: how Go writes the codes
_CODES = {
    "CANCELLED": "Canceled", "UNKNOWN": "Unknown", "INVALID_ARGUMENT": "InvalidArgument", "NOT_FOUND": "NotFound",
    "ALREADY_EXISTS": "AlreadyExists", "PERMISSION_DENIED": "PermissionDenied", "RESOURCE_EXHAUSTED": "ResourceExhausted",
    "FAILED_PRECONDITION": "FailedPrecondition", "ABORTED": "Aborted", "OUT_OF_RANGE": "OutOfRange", "UNIMPLEMENTED": "Unimplemented",
    "INTERNAL": "Internal", "DATA_LOSS": "DataLoss", "UNAUTHENTICATED": "Unauthenticated", "DEADLINE_EXCEEDED": "DeadlineExceeded",
    "UNAVAILABLE": "Unavailable",
}  # fmt: skip


class CallFailed(Exception):
    """The runtime refuses. `code`: as Go writes it (NotFound, Unimplemented, ...); str() is what the kubelet shows of it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {text}")
        self.code, self.text = code, text


class Calls:
    """The services at one socket. Make it on the loop that uses it, and close it."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._channel = aio.insecure_channel(f"unix:{socket}", options=_OPTIONS)
        self._messages = classes(_TABLE.read_text(), "runtime.v1")
        self._methods: dict[str, Any] = {}

    async def close(self) -> None:
        await self._channel.close(None)

    async def __call__(self, method: str, request: Mapping[str, Any] | None = None, *, seconds: float | None = USUAL) -> Any:
        """The answer's message. `seconds` None: for as long as it takes. Raises CallFailed, Unavailable."""
        ask = self._methods.get(method)
        if ask is None:
            ask = self._methods[method] = self._channel.unary_unary(_path(method), **self._coders(method))
        try:
            return await ask(self._request(method, request), timeout=seconds)
        except aio.AioRpcError as error:
            raise self._told(method, error, seconds) from None

    async def stream(self, method: str, request: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """The messages of a call that tells of what happens, until it ends. Raises CallFailed, Unavailable."""
        call = self._channel.unary_stream(_path(method), **self._coders(method, "ContainerEventResponse"))
        answers: Any = call(self._request(method, request))
        async for each in self._followed(method, answers):
            yield each

    async def raw(self, path: str, request: bytes = b"", *, seconds: float = SHORT) -> bytes:
        """A call of another service at the same socket, as bytes. Raises CallFailed, Unavailable."""
        call = self._channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
        try:
            answer: bytes = await call(request, timeout=seconds)
        except aio.AioRpcError as error:
            raise self._told(path, error, seconds) from None
        return answer

    async def raw_stream(self, path: str, request: bytes = b"") -> AsyncIterator[bytes]:
        """Likewise of one that tells of what happens."""
        call = self._channel.unary_stream(path, request_serializer=bytes, response_deserializer=bytes)
        answers: Any = call(request)
        async for each in self._followed(path, answers):
            yield each

    async def _followed(self, method: str, answers: Any) -> AsyncIterator[Any]:
        try:
            async for each in answers:
                yield each
        except aio.AioRpcError as error:
            raise self._told(method, error, None) from None
        finally:
            answers.cancel()

    def _coders(self, method: str, answer: str = "") -> dict[str, Any]:
        cls = self._messages[answer or f"{method}Response"]
        return {"request_serializer": lambda message: message.SerializeToString(), "response_deserializer": cls.FromString}

    def _request(self, method: str, values: Mapping[str, Any] | None) -> Any:
        """Raises ValueError for a field that there is not."""
        name = "GetEventsRequest" if method == "GetContainerEvents" else f"{method}Request"
        return self._messages[name](**(values or {}))

    def _told(self, method: str, error: aio.AioRpcError, seconds: float | None) -> Exception:
        code = error.code()
        if code is grpc.StatusCode.UNAVAILABLE:
            return Unavailable(f"the container runtime at {self.socket} does not answer: {error.details()}", "start it again")
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and seconds is not None:
            return Unavailable(f"the container runtime at {self.socket} did not answer {method} within {seconds:g} s")
        return CallFailed(_CODES.get(code.name, code.name), error.details() or "")


def _path(method: str) -> str:
    return f"/runtime.v1.{'ImageService' if method in _IMAGES else 'RuntimeService'}/{method}"
