"""An EncryptionConfiguration is read, or what is wrong with it is named by its path."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from wherry.store.encryption.configuration import ConfigurationError, Key, Provider, Rule, parse, read

SECRET = base64.b64encode(bytes(range(32))).decode()


def configuration(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1", "resources": list(resources), **more}


def rule(providers: Any, resources: Any = ("secrets",)) -> dict[str, Any]:
    return {"resources": list(resources), "providers": providers}


def test_rules_providers_and_keys() -> None:
    found = parse(configuration(rule([{"aescbc": {"keys": [{"name": "one", "secret": SECRET}]}}, {"identity": {}}], ["secrets", "*.apps"])))
    assert found == (Rule(("secrets", "*.apps"), (Provider("aescbc", (Key("one", bytes(range(32))),)), Provider("identity"))),)


KEYS = [{"name": "one", "secret": SECRET}]
WRONG = {
    "it is no EncryptionConfiguration": {"kind": "Config"},
    "resources: at least one is required": configuration(),
    r"resources\[0\].providers: at least one is required": configuration(rule([])),
    r"resources\[0\].resources: at least one is required": configuration(rule([{"identity": {}}], [])),
    r"providers\[0\]: kms is not supported here; it must be one of": configuration(rule([{"kms": {"name": "x"}}])),
    r"providers\[0\]: more than one provider specified": configuration(rule([{"aescbc": {"keys": KEYS}, "aesgcm": {"keys": KEYS}}])),
    r"aescbc.keys: at least one is required": configuration(rule([{"aescbc": {}}])),
    r"keys\[0\].secret: secrets must be base64 encoded": configuration(rule([{"aescbc": {"keys": [{"name": "one", "secret": "%"}]}}])),
    r"keys\[0\].secret: secret is not of the expected length, got 3, expected one of \[16 24 32\]":
        configuration(rule([{"aesgcm": {"keys": [{"name": "one", "secret": "YWJj"}]}}])),
    r"expected one of \[32\]": configuration(rule([{"secretbox": {"keys": [{"name": "one", "secret": "YWJj"}]}}])),
    r"keys\[0\].name: a key has a name without colons": configuration(rule([{"aescbc": {"keys": [{"name": "a:b", "secret": SECRET}]}}])),
    r"resources\[0\]: Secrets: resource name should not contain capital letters": configuration(rule([{"identity": {}}], ["Secrets"])),
    r"resources\[1\]: secrets: using overlapping resources": configuration(rule([{"identity": {}}], ["*.", "secrets"])),
    r"resources\[1\]: secrets: the same resource": configuration(rule([{"identity": {}}], ["secrets", "secrets"])),
    r"use '\*.' to encrypt all the resources from core": configuration(rule([{"identity": {}}], ["*"])),
    r"more: there is no such field": configuration(rule([{"identity": {}}]), more=1),
}


@pytest.mark.parametrize(("why", "value"), WRONG.items())
def test_what_is_wrong_is_named(why: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=why):
        parse(value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "encryption.yaml"
    for content, why in ((None, "cannot be read"), ("{", "is no YAML"), ("kind: x", "it is no EncryptionConfiguration")):
        if content is not None:
            path.write_text(content)
        with pytest.raises(ConfigurationError, match=f"encryption.yaml.*{why}"):
            read(path)
