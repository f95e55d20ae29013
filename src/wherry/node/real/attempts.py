"""One attempt of a probe, and one run of a hook, on a real container: by a program in it, or by a connection to its pod.

Called by the runtime; results and texts are the kubelet's. Connections are made on sockets of the fabric, from the node's side.
Source of the rule: pkg/probe/{exec,http,tcp,grpc}, pkg/kubelet/prober/prober.go, pkg/kubelet/lifecycle/handlers.go.
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from wherry.api.objects import Obj
from wherry.kit.version import VERSION
from wherry.linux.fabric import Fabric, connected
from wherry.node.engine import Engine, NoSuchContainer, StartFailed
from wherry.node.real import grpc_probe
from wherry.node.runtime import Probed

_MOST_REDIRECTS = 10


class Target(NamedTuple):
    """`address`: of the pod; `ports`: the container's, by name."""

    id: str
    address: str
    ports: dict[str, int]


async def probe(engine: Engine, target: Target, spec: Obj) -> Probed:
    """One attempt; never raises, and ends after `timeoutSeconds`."""
    seconds = float(spec.get("timeoutSeconds") or 1)
    if "exec" in spec:
        command = spec["exec"].get("command") or []
        try:
            code, output = await engine.run(target.id, command, seconds)
        except TimeoutError:
            return Probed(False, f'command timed out: "{" ".join(command)}" timed out after {seconds:g}s')
        except (NoSuchContainer, StartFailed) as error:
            return Probed(False, str(error), error=True)
        return Probed(code == 0, output.decode(errors="replace"))
    if engine.fabric is None:
        return Probed(False, "the engine has no network to connect over", error=True)
    if "httpGet" in spec:
        return await http_get(engine.fabric, target, spec["httpGet"], seconds)
    if "tcpSocket" in spec:
        return await _tcp(engine.fabric, target, spec["tcpSocket"], seconds)
    if "grpc" in spec:
        return await _grpc(engine.fabric, target, spec["grpc"], seconds)
    return Probed(False, "missing probe handler", error=True)


async def hook(engine: Engine, target: Target, handler: Obj) -> str:
    """Why it failed, "" when it did not. It may take as long as it likes."""
    if "exec" in handler:
        command = handler["exec"].get("command") or []
        try:
            code, output = await engine.run(target.id, command)
        except (NoSuchContainer, StartFailed) as error:
            return str(error)
        return f"command '{' '.join(command)}' exited with {code}: {output.decode(errors='replace')}" if code else ""
    if "httpGet" in handler and engine.fabric is not None:
        found = await http_get(engine.fabric, target, handler["httpGet"], 30.0, any_status=True)
        return "" if found.success else found.output
    return "handlers of this kind are not run on this node"


def port_of(target: Target, port: int | str) -> int:
    """Raises ValueError for a name that no port of the container has."""
    if isinstance(port, int) or port.isdecimal():
        return int(port)
    if port not in target.ports:
        raise ValueError(f"couldn't find port: {port}")
    return target.ports[port]


async def _tcp(fabric: Fabric, target: Target, action: Obj, seconds: float) -> Probed:
    host = action.get("host") or target.address
    try:
        port = port_of(target, action["port"])
    except ValueError as error:
        return Probed(False, str(error), error=True)
    try:
        connection = await asyncio.wait_for(connected(fabric, host, port), seconds)
    except (TimeoutError, OSError) as error:
        return Probed(False, f"dial tcp {host}:{port}: {_words(error)}")
    connection.close()
    return Probed(True)


async def _grpc(fabric: Fabric, target: Target, action: Obj, seconds: float) -> Probed:
    host, port = target.address, int(action["port"])
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return await grpc_probe.probe(partial(connected, fabric, host, port), at, action.get("service") or "", seconds)


async def http_get(fabric: Fabric, target: Target, action: Obj, seconds: float, *, any_status: bool = False) -> Probed:
    """`any_status`: whatever is answered will do."""
    scheme, host = (action.get("scheme") or "HTTP").lower(), action.get("host") or target.address
    try:
        port = port_of(target, action["port"])
    except ValueError as error:
        return Probed(False, str(error), error=True)
    path = action.get("path") or "/"
    url = f"{scheme}://{host}:{port}{path if path.startswith('/') else '/' + path}"
    try:
        status = await asyncio.wait_for(_followed(fabric, target, url, action), seconds)
    except TimeoutError:
        return Probed(False, f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
    except OSError as error:
        return Probed(False, f'Get "{url}": dial tcp {host}:{port}: {_words(error)}')
    except ValueError as error:
        return Probed(False, f'Get "{url}": {error}')
    if any_status or 200 <= status < 400:
        return Probed(True)
    return Probed(False, f"HTTP probe failed with statuscode: {status}")


async def _followed(fabric: Fabric, target: Target, url: str, action: Obj) -> int:
    """The status in the end; a redirect to another host counts as an answer."""
    first = urlsplit(url).hostname
    for _ in range(_MOST_REDIRECTS):
        status, location = await _get(fabric, url, action)
        if status not in (301, 302, 303, 307, 308) or not location:
            return status
        if "://" not in location:
            parts = urlsplit(url)
            location = f"{parts.scheme}://{parts.netloc}{location if location.startswith('/') else '/' + location}"
        if urlsplit(location).hostname != first:
            return status
        url = location
    raise ValueError(f"stopped after {_MOST_REDIRECTS} redirects")


async def _get(fabric: Fabric, url: str, action: Obj) -> tuple[int, str]:
    """Status and Location."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    connection = await connected(fabric, host, port)
    context = _unverified() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(sock=connection, ssl=context, server_hostname=host if context else None)
    try:
        writer.write(_request(parts.path + (f"?{parts.query}" if parts.query else ""), parts.netloc, action))
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ValueError("EOF") from error
    finally:
        writer.close()
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[1].isdecimal():
        raise ValueError(f"malformed HTTP response {lines[0]!r}")
    location = next((line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith("location:")), "")
    return int(words[1]), location


def _request(path: str, host: str, action: Obj) -> bytes:
    headers = {"Host": host, "User-Agent": f"kube-probe/{VERSION}", "Accept": "*/*", "Connection": "close"}
    for header in action.get("httpHeaders") or ():
        known = next((name for name in headers if name.lower() == header["name"].lower()), header["name"])
        headers[known] = header.get("value", "")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"GET {path or '/'} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace")


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return "connect: connection refused"
    if isinstance(error, OSError) and error.errno:
        return f"connect: {os.strerror(error.errno).lower()}"
    return "i/o timeout"
