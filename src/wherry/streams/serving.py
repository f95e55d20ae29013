"""Requests that become sessions: negotiate with the client, switch the connection, carry what it asked for.

Called by the API server for pods of this process and for clients that a kubelet does not understand, and by the node's own API. Everything
that can be refused before the switch is refused as a Status; a program that cannot be started is told in the session, where clients look.
Source: k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go; KEP-4006.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from wherry.api.errors import BadRequest
from wherry.streams import channels, negotiation, port_forward, port_forward_websocket, remote_command
from wherry.streams.channels import Channels
from wherry.streams.port_forward import Forwarded
from wherry.streams.remote_command import Open, Wanted
from wherry.streams.remote_command_spdy import SpdyClient
from wherry.streams.remote_command_websocket import WebSocketClient
from wherry.streams.wire import Tunnel

_TUNNEL = "SPDY/3.1+"


async def run_command(request: web.BaseRequest, wanted: Wanted, open_session: Open) -> None:
    """exec or attach, to its end. Raises StatusError before the connection is switched, ConnectionError."""
    negotiation.check(request)
    if not (wanted.stdin or wanted.stdout or wanted.stderr):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    if negotiation.is_websocket(request):
        protocol = channels.choose(request, channels.EXEC)
        client = WebSocketClient(Channels(await channels.accept(request, protocol.name), protocol), wanted)
        await client.greet()
        await remote_command.serve(open_session, client, wanted)
        return
    version = negotiation.version(request, negotiation.EXEC)
    async with SpdyClient(negotiation.switch(request, version), wanted, version) as spdy:
        await spdy.ready()
        await remote_command.serve(open_session, spdy, wanted)


async def forward_ports(request: web.BaseRequest, pod: Forwarded, ports: Sequence[int]) -> None:
    """port-forward, to its end. Raises StatusError before the connection is switched, ConnectionError."""
    negotiation.check(request)
    if not negotiation.is_websocket(request):
        await port_forward.serve(negotiation.switch(request, negotiation.version(request, negotiation.FORWARD)), pod)
        return
    tunnels = [_TUNNEL + version for version in negotiation.FORWARD]
    if (tunnel := next((name for name in channels.offered(request) if name in tunnels), None)) is not None:
        await port_forward.serve(Tunnel(await channels.accept(request, tunnel)), pod)
        return
    protocol = channels.choose(request, channels.FORWARD)
    if not ports:
        raise BadRequest('query parameter "ports" is required')
    socket = await channels.accept(request, protocol.name)
    await port_forward_websocket.serve(Channels(socket, protocol), pod, ports)
