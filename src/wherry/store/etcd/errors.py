"""What etcd or the way to it says instead of an answer. Raised by `connection` and `stream`, made `StoreFailed` by the store."""

from __future__ import annotations

import grpc

#: what gRPC says of a connection that could not be made: nothing was sent
_UNSENT = ("failed to connect", "connections to all backends failing", "dns resolution failed", "name resolution", "errors resolving")


class EtcdError(Exception):
    """`code`: of gRPC, such as UNAVAILABLE; the text is that of etcd's Go client."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        words = "".join(word.capitalize() for word in code.name.split("_"))
        super().__init__(details if details.startswith("etcdserver: ") else f"rpc error: code = {words} desc = {details}")
        self.code, self.details = code, details

    @property
    def is_unsent(self) -> bool:
        """No server has heard of the call."""
        return self.code is grpc.StatusCode.UNAVAILABLE and self.details.lower().startswith(_UNSENT)

    @property
    def is_unreachable(self) -> bool:
        """It says something about the way to etcd or the state of its servers, not about the call."""
        return self.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
