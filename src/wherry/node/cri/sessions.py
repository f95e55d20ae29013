"""Programs beside a container's own, and its own streams: by the runtime's streaming server, over SPDY as it speaks it.

Called by the engine. The runtime gives an address (of its own network namespace, mostly its loopback), good for one connection. SPDY and
not WebSocket: containerd's WebSocket cannot tell a program that its input has ended. A program that a session leaves behind runs on, as
under a kubelet: the interface knows no way to end it. Source: KEP-4006; k8s.io/cri-streaming.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from wherry.linux.fabric import Fabric, connected
from wherry.node.cri.calls import CallFailed
from wherry.node.engine import NoSuchContainer, StartFailed
from wherry.streams.dialing import DialFailed, Place, ask
from wherry.streams.remote import VERSION, RemoteSession
from wherry.streams.remote_command import Wanted

_HEADERS = (
    ("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", VERSION), ("Content-Length", "0"),
)
_LIMIT = 64 * 1024


async def open_session(fabric: Fabric, url: str, wanted: Wanted) -> RemoteSession:
    """Raises StartFailed when the runtime's server refuses."""
    parts = urlsplit(url)
    place = Place(parts.hostname or "127.0.0.1", parts.port or 80)
    try:
        connection = await connected(fabric, place.host, place.port)
    except OSError as error:
        raise StartFailed("StartError", f"the container runtime's streaming server at {place} is not reached: {error}", 126) from error
    reader, writer = await asyncio.open_connection(sock=connection, limit=_LIMIT)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        answered = await ask(place, reader, writer, "POST", target, (("Host", str(place)), *_HEADERS))
    except DialFailed as error:
        raise StartFailed("StartError", str(error), 126) from error
    if answered.status != 101:
        writer.close()
        raise StartFailed("StartError", answered.body.decode(errors="replace") or f"status {answered.status}", 126)
    return RemoteSession(answered.wire, wanted)


def refused(id: str, failed: CallFailed) -> Exception:
    """What the runtime's refusal of a program in a container means."""
    if failed.code == "NotFound" or "not running" in failed.text or "is in CONTAINER_" in failed.text:
        return NoSuchContainer(id)
    absent = "not found" in failed.text or "no such file" in failed.text
    return StartFailed("StartError", failed.text, 127 if absent else 126)
