"""Whose name to give to which registry: from pull secrets, and from the config.json of docker, with its helper programs.

Source: https://kubernetes.io/docs/concepts/containers/images/#config-json (how keys match), https://github.com/docker/docker-credential-helpers.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wherry.node.engine import Credentials
from wherry.node.images.names import Name

_HUB = ("index.docker.io", "registry-1.docker.io", "docker.io")
_TOKEN_USER = "<token>"


class CredentialsError(Exception):
    """The file cannot be used; the text names it, and none of its secrets."""


def matching(name: Name, given: Iterable[Credentials]) -> list[Credentials]:
    """Those for the image's registry and path, the most particular first."""
    fitting = [one for one in given if _fits(one.registry, name)]
    return sorted(fitting, key=lambda one: len(_plain(one.registry)), reverse=True)


def parse_config(content: Mapping[str, Any]) -> list[Credentials]:
    """The `auths` of a config.json (or of a Secret of type kubernetes.io/dockerconfigjson)."""
    out = []
    for registry, entry in (content.get("auths") or {}).items():
        user, password = entry.get("username", ""), entry.get("password", "")
        if entry.get("auth"):
            try:
                user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            except ValueError as error:
                raise CredentialsError(f"auths: {registry}: auth is not base64 of user:password") from error
        if user or entry.get("identitytoken"):
            out.append(Credentials(registry, user, password, entry.get("identitytoken", "")))
    return out


def of_user(name: Name, path: Path | None = None) -> list[Credentials]:
    """From $DOCKER_CONFIG or ~/.docker: none when there is no file. Blocks for a helper program. Raises CredentialsError."""
    path = path or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise CredentialsError(f"{path}: {error}") from error
    try:
        helper = _helper(content, name)
        from_helper = _ask(helper, name) if helper else []
        return [*from_helper, *matching(name, parse_config(content))]
    except CredentialsError as error:
        raise CredentialsError(f"{path}: {error}") from error


def _helper(content: Mapping[str, Any], name: Name) -> str:
    for registry, helper in (content.get("credHelpers") or {}).items():
        if _fits(registry, name):
            return str(helper)
    return str(content.get("credsStore") or "")


def _ask(helper: str, name: Name) -> list[Credentials]:
    server = "https://index.docker.io/v1/" if name.domain in _HUB else name.domain
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run([program, "get"], input=server.encode(), capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CredentialsError(f"{program}: {error}") from error
    if done.returncode:
        if b"credentials not found" in done.stdout:
            return []
        raise CredentialsError(f"{program} ended with status {done.returncode}")
    try:
        told = json.loads(done.stdout)
        user, secret = told["Username"], told["Secret"]
    except (ValueError, KeyError) as error:
        raise CredentialsError(f"{program} said something else than credentials") from error
    return [Credentials(server, "", "", secret) if user == _TOKEN_USER else Credentials(server, user, secret)]


def _fits(pattern: str, name: Name) -> bool:
    host, _, path = _plain(pattern).partition("/")
    if host in _HUB and name.domain in _HUB:
        return not path or path in ("v1", "v2") or name.path.startswith(path)
    parts, wanted = host.split("."), name.domain.split(".")
    same = len(parts) == len(wanted) and all(fnmatch.fnmatchcase(one, part) for one, part in zip(wanted, parts, strict=True))
    return same and (not path or path in ("v1", "v2") or name.path.startswith(path))


def _plain(registry: str) -> str:
    return registry.removeprefix("https://").removeprefix("http://").rstrip("/")
