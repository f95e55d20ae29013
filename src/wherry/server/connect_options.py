"""The options of a connection, from the query: PodExecOptions, PodAttachOptions, PodPortForwardOptions, and those of proxies.

Called by `connections`. They are what admission sees of a connection.
Source: pkg/apis/core/types.go, pkg/apis/core/v1/defaults.go; k8s.io/apiserver/pkg/endpoints/handlers/rest.go getRequestOptions.
"""

from __future__ import annotations

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.api.resources import connect_kind
from wherry.server.parameters import Parameters

_MOST, _DIGITS = 65535, 20
_STREAMS = ("stdin", "stdout", "stderr", "tty")


def of(target: Target, p: Parameters, rest: str) -> Obj:
    """`rest`: the path behind a proxy. Raises BadRequest for a port that is no number."""
    head = {"kind": connect_kind(target.resource, target.subresource), "apiVersion": "v1"}
    match target.subresource:
        case "exec":
            return {**head, **_streams(p), "command": p.all("command") or None}
        case "attach":
            return {**head, **_streams(p)}
        case "portforward":
            ports = [_port(text) for value in p.all("ports") for text in value.split(",")]
            return {**head, **({"ports": ports} if ports else {})}
    path = f"/{rest}" if rest else p.text("path")
    return {**head, **({"path": path} if path else {})}


def _streams(p: Parameters) -> Obj:
    given = {name: p.flag(name) for name in _STREAMS}
    container = p.text("container")
    return {**{name: True for name, value in given.items() if value}, **({"container": container} if container else {})}


def _port(text: str) -> int:
    if not text.isdecimal():
        raise BadRequest(f'cannot convert to []int32: strconv.ParseUint: parsing "{text}": invalid syntax')
    if len(text) > _DIGITS or int(text) > _MOST:
        raise BadRequest(f'cannot convert to []int32: strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)
