"""Kubeconfig files: the one of a cluster, and merging it into a file that is there (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from wherry.errors import WherryError
from wherry.kit.files import replace

NAME = "wherry"
USER = "wherry-admin"
_LISTS = ("clusters", "users", "contexts")


class KubeconfigError(WherryError):
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
    import yaml

    # with libyaml where there is one: a third of a cluster's start otherwise
    return yaml.dump(config, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False, allow_unicode=True)


def write(path: Path, config: dict[str, Any]) -> None:
    """Writes the file so that only its owner can read it, in one step: a reader sees the old or the new one. Follows links."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, dump(config).encode())


def merge(path: Path, config: dict[str, Any]) -> None:
    """Adds our cluster, user and context to the file (replacing entries of the same name) and makes the context current.

    Raises KubeconfigError when the file is not a kubeconfig.
    """
    present = read(path)
    if not present:
        write(path, config)
        return
    for part in _LISTS:
        ours = {entry["name"] for entry in config[part]}
        present[part] = [e for e in present.get(part) or [] if e["name"] not in ours] + config[part]
    present["current-context"] = config["current-context"]
    write(path, present)


def remove(path: Path, name: str) -> None:
    """Takes the cluster, user and context of that name out of the file. Raises KubeconfigError."""
    present = read(path)
    if not any(entry["name"] == name for part in _LISTS for entry in present.get(part) or []):
        return
    for part in _LISTS:
        present[part] = [entry for entry in present.get(part) or [] if entry["name"] != name]
    if present.get("current-context") == name:
        present["current-context"] = ""
    write(path, present)


def is_ours(path: Path) -> bool:
    """May the file be replaced: it is absent, empty, or holds nothing but what an earlier start wrote? Raises KubeconfigError."""
    present = read(path)
    return all(e["name"] in (NAME, USER) for part in _LISTS for e in present.get(part) or [])


def read(path: Path) -> dict[str, Any]:
    """What the file holds; {} when it is absent or empty. Raises KubeconfigError."""
    import yaml

    try:
        present = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KubeconfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KubeconfigError(f"{path} is not a kubeconfig: it is not YAML") from error
    if present is None:
        return {}
    if not isinstance(present, dict) or present.get("kind") != "Config":
        raise KubeconfigError(f"{path} is not a kubeconfig")
    for part in _LISTS:
        entries = present.get(part) or []
        if not isinstance(entries, list) or not all(isinstance(e, dict) and isinstance(e.get("name"), str) for e in entries):
            raise KubeconfigError(f"{path} is not a kubeconfig: {part} is not a list of named entries")
    return present
