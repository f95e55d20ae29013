"""Where an API server is and who asks: the one value that a kubeconfig, a pod's own account or the command line comes down to.

`kubeconfig` and `in_cluster` make it, `transport` and `credentials` read it. Frozen: a client never changes its mind about its server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wherry.errors import WherryError


class ConfigError(WherryError):
    """The configuration makes no sense; the message says which part."""


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that hands out credentials (client.authentication.k8s.io). `directory`: what a relative command is relative to."""

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Impersonate:
    """Who to act as (the Impersonate-* headers)."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """`*_data` are the PEM bytes, `*_file` paths; data wins. `namespace`: the context's; `namespace_given`: somebody named it."""

    server: str = "http://localhost:8080"
    namespace: str = "default"
    namespace_given: bool = False
    ca_data: bytes = b""
    ca_file: str = ""
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    compression: bool = True
    certificate_data: bytes = b""
    certificate_file: str = ""
    key_data: bytes = b""
    key_file: str = ""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    exec_plugin: ExecPlugin | None = None
    impersonate: Impersonate = Impersonate()
    #: the cluster's entry as it stands in the kubeconfig, for plug-ins that ask for it
    cluster: dict[str, Any] = field(default_factory=dict, compare=False)
