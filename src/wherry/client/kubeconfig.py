"""Kubeconfig files to an `Access`: $KUBECONFIG or one named file, several files merged, a context chosen, overrides laid on top.

Called by the command line and by `HttpClient.from_kubeconfig`. Merging: the first file that says something wins, whole entries at a time;
paths in a file are relative to that file. Without any file the pod's own account is taken (`in_cluster`), and without that localhost:8080.
Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/, client-go tools/clientcmd (loader.go,
client_config.go, validation.go).
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from wherry.client import in_cluster
from wherry.client.access import Access, ConfigError, ExecPlugin, Impersonate

_LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
#: fields that hold a path, by the list they are in
_PATHS = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says over the files; "" and None: nothing."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    server: str = ""
    token: str = ""
    username: str = ""
    password: str = ""
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure: bool | None = None
    tls_server_name: str = ""
    proxy_url: str = ""
    as_user: str = ""
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """All files as one. Each map: name -> the entry, with absolute paths."""

    clusters: dict[str, dict[str, Any]]
    users: dict[str, dict[str, Any]]
    contexts: dict[str, dict[str, Any]]
    current_context: str = ""
    found: bool = False


def load(overrides: Overrides = Overrides(), environment: dict[str, str] | None = None) -> Access:
    """The access that files, environment and overrides come to. Raises ConfigError."""
    env = dict(os.environ) if environment is None else environment
    config = read(paths(overrides.kubeconfig, env), required=bool(overrides.kubeconfig))
    own = None if config.found or overrides.server else in_cluster.access(env)
    if own is not None:
        return _named(replace(own, impersonate=_impersonation({}, overrides)), overrides.namespace)
    return resolve(config, overrides)


def paths(named: str, env: dict[str, str]) -> list[Path]:
    """The files to read, the most important first."""
    if named:
        return [Path(named)]
    listed = [Path(p) for p in dict.fromkeys(env.get("KUBECONFIG", "").split(os.pathsep)) if p]
    return listed or [Path(env.get("HOME") or os.path.expanduser("~")) / ".kube" / "config"]


def read(files: list[Path], *, required: bool = False) -> Config:
    """All files merged; one that does not exist counts as empty unless it is `required`."""
    merged: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in _LISTS}
    current, found = "", False
    for path in files:
        content = _content(path, required)
        if content is None:
            continue
        found = True
        current = current or str(content.get("current-context") or "")
        for name, entry_name in _LISTS.items():
            for entry in content.get(name) or ():
                merged[name].setdefault(str(entry.get("name", "")), _absolute(entry.get(entry_name) or {}, name, path))
    return Config(merged["clusters"], merged["users"], merged["contexts"], current, found)


def _content(path: Path, required: bool) -> dict[str, Any] | None:
    try:
        content = yaml.load(path.read_bytes(), Loader=_Loader)
    except FileNotFoundError:
        if required:
            raise ConfigError(f"stat {path}: no such file or directory") from None
        return None
    except OSError as error:
        raise ConfigError(f"error loading config file \"{path}\": open {path}: {(error.strerror or '').lower()}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f'error loading config file "{path}": yaml: {" ".join(str(error).split())}') from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f'error loading config file "{path}": it is no kubeconfig')
    return content


def _absolute(entry: dict[str, Any], kind: str, path: Path) -> dict[str, Any]:
    base = path.absolute().parent
    changed: dict[str, Any] = {name: str(base / entry[name]) for name in _PATHS.get(kind, ()) if entry.get(name)}
    plugin = entry.get("exec")
    if kind == "users" and plugin:
        changed["exec"] = {**plugin, "directory": str(base)}
    return {**entry, **changed}


def resolve(config: Config, overrides: Overrides) -> Access:
    """The access of the chosen context. Raises ConfigError for names that are not there."""
    name = overrides.context or config.current_context
    context = config.contexts.get(name)
    if context is None:
        if overrides.context:
            raise ConfigError(f'context "{name}" does not exist')
        if name and not overrides.server:
            raise ConfigError(f"context was not found for specified context: {name}")
        context = {}
    cluster = _entry(config.clusters, overrides.cluster or context.get("cluster") or "", "cluster")
    user = _entry(config.users, overrides.user or context.get("user") or "", "auth info")
    access = _of_user(_of_cluster(cluster, overrides), user, overrides)
    given = overrides.namespace or str(context.get("namespace") or "")
    return replace(_named(access, given), namespace_given=bool(overrides.namespace))


def _named(access: Access, namespace: str) -> Access:
    return replace(access, namespace=namespace, namespace_given=True) if namespace else access


def _entry(entries: dict[str, dict[str, Any]], name: str, what: str) -> dict[str, Any]:
    if not name:
        return {}
    if name not in entries:
        raise ConfigError(f'{what} "{name}" does not exist')
    return entries[name]


def _of_cluster(cluster: dict[str, Any], overrides: Overrides) -> Access:
    server = overrides.server or str(cluster.get("server") or "")
    if server and "://" not in server:
        server = f"http://{server}"
    authority = overrides.certificate_authority
    insecure = bool(cluster.get("insecure-skip-tls-verify")) if overrides.insecure is None else overrides.insecure
    ca_data = b"" if authority else _decoded(cluster, "certificate-authority-data")
    ca_file = authority or str(cluster.get("certificate-authority") or "")
    if insecure and (ca_data or ca_file) and overrides.insecure is None:
        raise ConfigError("specifying a root certificates file with the insecure flag is not allowed")
    return Access(
        server=server.rstrip("/") or "http://localhost:8080",
        ca_data=b"" if insecure else ca_data, ca_file="" if insecure or ca_data else ca_file, insecure=insecure,
        tls_server_name=overrides.tls_server_name or str(cluster.get("tls-server-name") or ""),
        proxy_url=overrides.proxy_url or str(cluster.get("proxy-url") or ""),
        compression=not cluster.get("disable-compression"), cluster=cluster)


def _of_user(access: Access, user: dict[str, Any], overrides: Overrides) -> Access:
    if user.get("auth-provider"):
        raise ConfigError(f"no Auth Provider found for name \"{user['auth-provider'].get('name', '')}\"")
    own_pair = bool(overrides.client_certificate)
    access = replace(
        access,
        certificate_data=b"" if own_pair else _decoded(user, "client-certificate-data"),
        certificate_file=overrides.client_certificate or str(user.get("client-certificate") or ""),
        key_data=b"" if overrides.client_key else _decoded(user, "client-key-data"),
        key_file=overrides.client_key or str(user.get("client-key") or ""),
        impersonate=_impersonation(user, overrides))
    if overrides.token:
        return replace(access, token=overrides.token)
    if overrides.username or overrides.password:
        return replace(access, username=overrides.username, password=overrides.password)
    plugin = user.get("exec")
    return replace(
        access, token=str(user.get("token") or ""), token_file=str(user.get("tokenFile") or ""),
        username=str(user.get("username") or ""), password=str(user.get("password") or ""),
        exec_plugin=_plugin(plugin) if plugin else None)


def _plugin(plugin: dict[str, Any]) -> ExecPlugin:
    version = str(plugin.get("apiVersion") or "")
    if not plugin.get("command"):
        raise ConfigError("command must be specified to use exec authentication plugin")
    if not version:
        raise ConfigError("apiVersion must be specified to use exec authentication plugin")
    if version not in EXEC_VERSIONS:
        raise ConfigError(f"exec plugin: invalid apiVersion \"{version}\"")
    mode = str(plugin.get("interactiveMode") or "")
    if not mode and version.endswith("/v1"):
        raise ConfigError("interactiveMode must be specified to use exec authentication plugin")
    return ExecPlugin(
        version, str(plugin["command"]), tuple(map(str, plugin.get("args") or ())),
        tuple((str(e["name"]), str(e.get("value", ""))) for e in plugin.get("env") or ()), str(plugin.get("installHint") or ""),
        bool(plugin.get("provideClusterInfo")), mode or "IfAvailable", str(plugin.get("directory") or ""))


def _impersonation(user: dict[str, Any], overrides: Overrides) -> Impersonate:
    if overrides.as_user or overrides.as_groups or overrides.as_uid:
        return Impersonate(overrides.as_user, overrides.as_uid, overrides.as_groups)
    extra = tuple((str(k), tuple(map(str, v or ()))) for k, v in sorted((user.get("as-user-extra") or {}).items()))
    return Impersonate(str(user.get("as") or ""), str(user.get("as-uid") or ""), tuple(map(str, user.get("as-groups") or ())), extra)


def _decoded(entry: dict[str, Any], name: str) -> bytes:
    value = entry.get(name)
    if not value:
        return b""
    try:
        return base64.b64decode(str(value), validate=False)
    except (binascii.Error, ValueError):
        raise ConfigError(f"{name} is not base64") from None
