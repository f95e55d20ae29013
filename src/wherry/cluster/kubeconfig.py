"""Kubeconfig files: the one of a cluster, and merging it into a file that is there (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/)."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import yaml

NAME = "wherry"
USER = "wherry-admin"
_LISTS = ("clusters", "users", "contexts")


class KubeconfigError(Exception):
    """The file that is there is no kubeconfig; it was not changed."""


def build(server: str, ca_pem: str, *, token: str = "", certificate: bytes = b"", key: bytes = b"", name: str = NAME) -> dict[str, Any]:
    """A kubeconfig with one context; the user has a token, or a client certificate with its key (PEM)."""
    user: dict[str, Any] = (
        {"token": token}
        if token
        else {"client-certificate-data": base64.b64encode(certificate).decode(), "client-key-data": base64.b64encode(key).decode()}
    )
    cluster: dict[str, Any] = {"server": server}
    if ca_pem:
        cluster["certificate-authority-data"] = base64.b64encode(ca_pem.encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": USER, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": USER, "namespace": "default"}}],
        "current-context": name,
    }


def dump(config: dict[str, Any]) -> str:
    return yaml.safe_dump(config, sort_keys=False)


def write(path: Path, config: dict[str, Any]) -> None:
    """Writes the file so that only its owner can read it, in one step: a reader sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(dump(config))
    temporary.replace(path)


def merge(path: Path, config: dict[str, Any]) -> None:
    """Adds our cluster, user and context to the file (replacing entries of the same name) and makes the context current.

    Raises KubeconfigError when the file is not a kubeconfig.
    """
    if not path.exists() or not path.read_text().strip():
        write(path, config)
        return
    try:
        present = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(present, dict) or present.get("kind", "Config") != "Config":
        raise KubeconfigError(f"{path} is not a kubeconfig")
    for part in _LISTS:
        ours = {entry["name"] for entry in config[part]}
        present[part] = [e for e in present.get(part) or [] if not (isinstance(e, dict) and e.get("name") in ours)] + config[part]
    present["current-context"] = config["current-context"]
    write(path, present)
