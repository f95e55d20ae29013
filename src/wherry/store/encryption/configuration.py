"""An EncryptionConfiguration (apiserver.config.k8s.io/v1): which resources are encrypted, by whom, with which keys.

From a file to values, with everything that is wrong named by its path. What the reference offers and wherry does not (`kms`) is refused.
Source: https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/; apiserver/pkg/apis/apiserver/validation/validation_encryption.go.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any, NamedTuple

from wherry.store.protocol import StoreError

API_VERSIONS = ("apiserver.config.k8s.io/v1", "v1")
#: the lengths of keys in bytes
LENGTHS = {"aescbc": (16, 24, 32), "aesgcm": (16, 24, 32), "secretbox": (32,)}
IDENTITY = "identity"


class Key(NamedTuple):
    name: str
    secret: bytes


class Provider(NamedTuple):
    """`kind`: aescbc, aesgcm, secretbox or identity, which has no keys. The first key is written with, all are read with."""

    kind: str
    keys: tuple[Key, ...] = ()


class Rule(NamedTuple):
    """`resources`: names such as `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group) and `*.*`. The first provider writes."""

    resources: tuple[str, ...]
    providers: tuple[Provider, ...]


class ConfigurationError(StoreError):
    """The file is no EncryptionConfiguration that can be used; the message says where."""


def read(path: Path) -> tuple[Rule, ...]:
    """Raises ConfigurationError."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no YAML: {error}") from error
    try:
        return parse(found)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def parse(value: Any) -> tuple[Rule, ...]:
    """Raises ConfigurationError."""
    if not isinstance(value, dict) or value.get("kind") != "EncryptionConfiguration" or value.get("apiVersion") not in API_VERSIONS:
        raise ConfigurationError(f"it is no EncryptionConfiguration of {API_VERSIONS[0]}")
    rules = tuple(_rule(each, f"resources[{at}]") for at, each in enumerate(_list(value, "resources", "resources")))
    _only(value, ("kind", "apiVersion", "resources"), "")
    return rules


def _rule(value: Any, path: str) -> Rule:
    _only(_mapping(value, path), ("resources", "providers"), path)
    resources = tuple(_resource(each, f"{path}.resources[{at}]") for at, each in enumerate(_list(value, "resources", f"{path}.resources")))
    for at, each in enumerate(resources):
        if each in resources[:at]:
            raise ConfigurationError(f"{path}.resources[{at}]: {each}: the same resource cannot be specified multiple times")
        if not each.startswith("*") and any(_covers(other, each) for other in resources if other != each):
            raise ConfigurationError(f"{path}.resources[{at}]: {each}: using overlapping resources such as 'secrets' and '*.' in the same "
                                     "resource list is not allowed as they will be masked")
    providers = tuple(_provider(each, f"{path}.providers[{at}]")
                      for at, each in enumerate(_list(value, "providers", f"{path}.providers")))
    return Rule(resources, providers)


def _resource(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{path}: it must be the name of a resource")
    refusals = {
        "resource name should not contain capital letters": value != value.lower(),
        "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources": value == "*",
        "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file":
            value.endswith("events.k8s.io"),
        "'extensions' group has been removed and cannot be used for encryption": value.endswith(".extensions"),
        "encrypting the same resource across groups is not supported": value.startswith("*") is False and value.endswith(".*"),
    }
    for why, is_so in refusals.items():
        if is_so:
            raise ConfigurationError(f"{path}: {value}: {why}")
    return value


def _provider(value: Any, path: str) -> Provider:
    given = [kind for kind, settings in _mapping(value, path).items() if settings is not None or kind == IDENTITY]
    if len(given) > 1:
        raise ConfigurationError(f"{path}: more than one provider specified in a single element, should split into different list elements")
    if not given or given[0] not in (*LENGTHS, IDENTITY):
        what = f"{given[0]} is not supported here; " if given else ""
        raise ConfigurationError(f"{path}: {what}it must be one of {', '.join((*LENGTHS, IDENTITY))}")
    kind = given[0]
    if kind == IDENTITY:
        return Provider(kind)
    at = f"{path}.{kind}.keys"
    return Provider(kind, tuple(_key(each, LENGTHS[kind], f"{at}[{n}]") for n, each in enumerate(_list(value[kind], "keys", at))))


def _key(value: Any, lengths: tuple[int, ...], path: str) -> Key:
    name, text = _mapping(value, path).get("name"), value.get("secret")
    if not isinstance(name, str) or not name or ":" in name:
        raise ConfigurationError(f"{path}.name: a key has a name without colons")
    try:
        secret = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        raise ConfigurationError(f"{path}.secret: secrets must be base64 encoded") from None
    if len(secret) not in lengths:
        raise ConfigurationError(f"{path}.secret: secret is not of the expected length, got {len(secret)}, expected one of "
                                 f"[{' '.join(map(str, lengths))}]")
    return Key(name, secret)


def _covers(wildcard: str, resource: str) -> bool:
    group = resource.partition(".")[2]
    return wildcard == "*.*" or (wildcard.startswith("*.") and wildcard[2:] == group)


def _mapping(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: it must be a mapping")
    return value


def _list(value: Any, name: str, path: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, list) or not found:
        raise ConfigurationError(f"{path}: at least one is required")
    return found


def _only(value: dict[str, Any], known: tuple[str, ...], path: str) -> None:
    if strange := sorted(set(value) - set(known)):
        raise ConfigurationError(f"{path}{'.' if path else ''}{strange[0]}: there is no such field; there are {', '.join(known)}")
