"""Credentials to request headers and a client certificate: tokens, token files, basic auth, exec plug-ins, impersonation.

`HttpClient` asks for headers before every request and says when the server refused them (401), so that what a plug-in gave is fetched
anew once. A plug-in's answer is kept until it expires.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins, client-go
plugin/pkg/client/auth/exec, transport/round_trippers.go.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wherry.api import timestamps
from wherry.client.access import Access, ConfigError, ExecPlugin

Header = tuple[str, str]
#: seconds that a token read from a file is used before the file is read again
FILE_LIFE = 60.0
_NONINTERACTIVE = "Never"
#: what a plug-in is told of the cluster
_CLUSTER_INFO = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url", "disable-compression")


@dataclass(frozen=True, slots=True)
class Given:
    """What a plug-in handed out. `expires`: seconds since 1970, or None."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: float | None = None


class Credentials:
    """`now`: seconds since 1970."""

    def __init__(self, access: Access, now: Callable[[], float]) -> None:
        self._access = access
        self._now = now
        self._file: tuple[float, str] | None = None
        self._given: Given | None = None
        self._lock = asyncio.Lock()

    async def headers(self) -> list[Header]:
        """Authorization and impersonation of the next request. Raises ConfigError when a plug-in fails."""
        found = list(_impersonation(self._access))
        authorization = await self._authorization()
        if authorization:
            found.append(("Authorization", authorization))
        return found

    async def pair(self) -> tuple[bytes, bytes]:
        """Certificate and key (PEM) that a plug-in gave; empty when it gave none."""
        given = await self._plugged()
        return (given.certificate, given.key) if given else (b"", b"")

    def refused(self) -> bool:
        """The server said 401. True when the next try will carry something new."""
        if self._given is not None:
            self._given = None
            return True
        if self._access.token_file and self._file is not None:
            self._file = None
            return True
        return False

    async def _authorization(self) -> str:
        access = self._access
        if access.token_file:
            token = self._read_file()
            if token:
                return f"Bearer {token}"
        if access.token:
            return f"Bearer {access.token}"
        if access.username or access.password:
            return "Basic " + base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
        given = await self._plugged()
        return f"Bearer {given.token}" if given and given.token else ""

    def _read_file(self) -> str:
        now = self._now()
        if self._file is None or self._file[0] < now:
            try:
                token = Path(self._access.token_file).read_text().strip()
            except OSError as error:
                if not self._access.token:
                    raise ConfigError(f"failed to read token file {self._access.token_file!r}: {error.strerror}") from None
                token = ""
            self._file = (now + FILE_LIFE, token)
        return self._file[1]

    async def _plugged(self) -> Given | None:
        if self._access.exec_plugin is None:
            return None
        async with self._lock:
            given = self._given
            if given is None or (given.expires is not None and given.expires <= self._now()):
                given = self._given = await run(self._access.exec_plugin, self._access.cluster)
            return given


def _impersonation(access: Access) -> list[Header]:
    who = access.impersonate
    found = [("Impersonate-User", who.user)] if who.user else []
    found += [("Impersonate-Uid", who.uid)] if who.uid else []
    found += [("Impersonate-Group", group) for group in who.groups]
    return found + [(f"Impersonate-Extra-{_escaped(key)}", value) for key, values in who.extra for value in values]


def _escaped(key: str) -> str:
    """A header's name cannot hold every character: the others are percent-encoded."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "!#$&'*+-.^_`|~") else "".join(f"%{b:02X}" for b in c.encode()) for c in key)


async def run(plugin: ExecPlugin, cluster: dict[str, Any]) -> Given:
    """Run a plug-in and read what it prints. Raises ConfigError."""
    interactive = plugin.interactive_mode != _NONINTERACTIVE and sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not interactive:
        raise ConfigError("exec plugin cannot support interactive mode: standard input is not a terminal")
    env = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": json.dumps(_exec_info(plugin, cluster, interactive))}
    stdin = None if interactive else asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(_command(plugin), *plugin.args, env=env, stdout=asyncio.subprocess.PIPE, stdin=stdin)
    except FileNotFoundError:
        raise ConfigError(_missing(plugin)) from None
    except OSError as error:
        raise ConfigError(f"getting credentials: exec: {error.strerror}") from None
    out, _ = await process.communicate()
    if process.returncode:
        raise ConfigError(f"getting credentials: exec: executable {plugin.command} failed with exit code {process.returncode}")
    return _given(plugin, out)


def _command(plugin: ExecPlugin) -> str:
    if os.sep in plugin.command and not os.path.isabs(plugin.command):
        return os.path.join(plugin.directory, plugin.command)
    return plugin.command


def _missing(plugin: ExecPlugin) -> str:
    text = f"getting credentials: exec: executable {plugin.command} not found"
    if plugin.install_hint:
        text += f"\n\n{plugin.install_hint}"
    return text


def _exec_info(plugin: ExecPlugin, cluster: dict[str, Any], interactive: bool) -> dict[str, Any]:
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        shown = {k: v for k, v in cluster.items() if k in _CLUSTER_INFO and v}
        extensions = {e.get("name"): e.get("extension") for e in cluster.get("extensions") or ()}
        config = extensions.get("client.authentication.k8s.io/exec")
        spec["cluster"] = {**shown, **({"config": config} if config is not None else {})}
    return {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}


def _given(plugin: ExecPlugin, out: bytes) -> Given:
    try:
        answer = json.loads(out)
        status = answer.get("status") or {}
    except (ValueError, AttributeError):
        raise ConfigError("getting credentials: decoding stdout: it is not an ExecCredential") from None
    if answer.get("apiVersion") != plugin.api_version:
        raise ConfigError(f"getting credentials: exec plugin is configured to use API version {plugin.api_version}, "
                          f"plugin returned version {answer.get('apiVersion')}")
    if not status:
        raise ConfigError("getting credentials: exec plugin didn't return a status field")
    token, certificate, key = (status.get(k) or "" for k in ("token", "clientCertificateData", "clientKeyData"))
    if not token and not (certificate or key):
        raise ConfigError("getting credentials: exec plugin didn't return a token or cert/key pair")
    if bool(certificate) != bool(key):
        raise ConfigError("getting credentials: exec plugin returned only certificate or key, not both")
    expires = status.get("expirationTimestamp")
    return Given(token, certificate.encode(), key.encode(), timestamps.parse(expires) if expires else None)
