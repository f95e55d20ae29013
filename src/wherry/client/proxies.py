"""Through which proxy a server is reached, and how a connection through it is opened: HTTP (CONNECT), HTTPS and SOCKS5.

Called by `transport`. The kubeconfig's proxy-url wins over the environment; loopback addresses never go through an environment's proxy.
Source: golang.org/x/net/http/httpproxy (the rules of NO_PROXY), RFC 9110 section 9.3.6, RFC 1928, RFC 1929.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from wherry.client.access import ConfigError

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LIMIT = 1 << 20


def choose(proxy_url: str, server: SplitResult, env: Mapping[str, str]) -> SplitResult | None:
    """The proxy for that server, or None. Raises ConfigError for a scheme that is not known."""
    url = proxy_url or _from_environment(server, env)
    if not url:
        return None
    proxy = urlsplit(url if "://" in url else f"http://{url}")
    if proxy.scheme not in _PORTS:
        raise ConfigError(f'invalid proxy URL "{url}": unsupported scheme "{proxy.scheme}", must be http, https, or socks5')
    return proxy


def _from_environment(server: SplitResult, env: Mapping[str, str]) -> str:
    name = "HTTPS_PROXY" if server.scheme == "https" else "HTTP_PROXY"
    url = env.get(name) or env.get(name.lower()) or ""
    if not url or is_exempt(server.hostname or "", server.port, env.get("NO_PROXY") or env.get("no_proxy") or ""):
        return ""
    return url


def is_exempt(host: str, port: int | None, no_proxy: str) -> bool:
    """Loopback always; else what NO_PROXY names: `*`, a host with its subdomains, an address, a network; each with an optional port."""
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_exempts(entry.strip().lower(), host.lower(), address, port) for entry in no_proxy.split(",") if entry.strip())


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _exempts(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and ":" not in name:
        if port != int(wanted):
            return False
        entry = name
    if address is not None:
        return _address(entry) == address
    entry = entry.removeprefix("*")
    return host.endswith(entry) if entry.startswith(".") else host == entry or host.endswith("." + entry)


async def open_through(proxy: SplitResult, host: str, port: int) -> Streams:
    """A connection to host:port through the proxy, still without the server's TLS. Raises OSError."""
    tls = ssl.create_default_context() if proxy.scheme == "https" else None
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or _PORTS[proxy.scheme], ssl=tls, limit=_LIMIT)
    try:
        greet = _socks if proxy.scheme.startswith("socks") else _connect
        await greet(proxy, reader, writer, host, port)
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def _connect(proxy: SplitResult, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if authorization := basic(proxy):
        lines.append(f"Proxy-Authorization: {authorization}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    status = answer.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(status) < 2 or not status[1].startswith(b"2"):
        raise OSError(f"proxyconnect tcp: {b' '.join(status[1:]).decode('latin-1')}")


def basic(proxy: SplitResult) -> str:
    """The value of Proxy-Authorization; empty without a user in the URL."""
    if not proxy.username:
        return ""
    return "Basic " + base64.b64encode(f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()).decode()


async def _socks(proxy: SplitResult, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    writer.write(b"\x05\x02\x00\x02" if proxy.username else b"\x05\x01\x00")
    version, method = await reader.readexactly(2)
    if version != 5 or method == 0xFF:
        raise OSError("socks connect: the proxy takes none of our ways to authenticate")
    if method == 2:
        user, password = unquote(proxy.username or "").encode(), unquote(proxy.password or "").encode()
        writer.write(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if (await reader.readexactly(2))[1]:
            raise OSError("socks connect: username/password authentication failed")
    name = host.encode("idna")
    writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
    _, reply, _, kind = await reader.readexactly(4)
    if reply:
        raise OSError(f"socks connect: the proxy answered with code {reply}")
    size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
    await reader.readexactly(size + 2)
