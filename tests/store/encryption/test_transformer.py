"""Values are written with the first key and read with whichever wrote them; what nobody can read is refused."""

from __future__ import annotations

import pytest

from wherry.store.encryption.configuration import Key, Provider, Rule
from wherry.store.encryption.transformer import Sealed, Transformer, refuse_encrypted
from wherry.store.etcd.layout import Layout

ONE, TWO = Key("one", bytes(range(32))), Key("two", bytes(range(32, 64)))
IDENTITY = Provider("identity")
KEY, VALUE = "secrets/default/a", b'{"kind":"Secret"}'
CIPHERS = ("aescbc", "aesgcm", "secretbox")


def made(*providers: Provider, resources: tuple[str, ...] = ("secrets",)) -> Transformer:
    return Transformer([Rule(resources, providers)], Layout().path)


@pytest.mark.parametrize("kind", CIPHERS)
def test_a_value_comes_back_and_cannot_be_read_in_between(kind: str) -> None:
    transformer = made(Provider(kind, (ONE,)))
    stored = transformer.seal(KEY, VALUE)
    assert stored.startswith(f"k8s:enc:{kind}:v1:one:".encode())
    assert b"Secret" not in stored
    assert transformer.seal(KEY, VALUE) != stored, "every writing has a nonce of its own"
    assert (transformer.open(KEY, stored), transformer.is_stale(KEY)) == (VALUE, False)


def test_a_value_that_others_encrypted_is_read() -> None:
    """Made with `openssl enc -aes-256-cbc` and an initialization vector of zeros, in the reference's format."""
    data = bytes.fromhex("0666251c116fd54e18b8782a24fcc640c1b2aa1011e8a42e84f4828825a16f01")
    stored = b"k8s:enc:aescbc:v1:one:" + bytes(16) + data
    assert made(Provider("aescbc", (ONE,))).open(KEY, stored) == VALUE
    with pytest.raises(Sealed, match="not a multiple of the block size"):
        made(Provider("aescbc", (ONE,))).open(KEY, stored[:-1])


@pytest.mark.parametrize("kind", CIPHERS)
def test_a_new_key_reads_what_the_old_one_wrote_and_says_that_it_is_stale(kind: str) -> None:
    stored = made(Provider(kind, (ONE,))).seal(KEY, VALUE)
    rotated = made(Provider(kind, (TWO, ONE)))
    assert (rotated.open(KEY, stored), rotated.is_stale(KEY)) == (VALUE, True)
    again = rotated.seal(KEY, VALUE)
    assert again.startswith(f"k8s:enc:{kind}:v1:two:".encode())
    assert not rotated.is_stale(KEY)


@pytest.mark.parametrize("kind", CIPHERS)
def test_another_key_of_the_same_name_reads_nothing(kind: str) -> None:
    stored = made(Provider(kind, (ONE,))).seal(KEY, VALUE)
    with pytest.raises(Sealed):
        made(Provider(kind, (Key("one", TWO.secret),))).open(KEY, stored)


@pytest.mark.parametrize("kind", ["aesgcm", "secretbox"])
def test_a_changed_value_is_refused(kind: str) -> None:
    transformer = made(Provider(kind, (ONE,)))
    stored = transformer.seal(KEY, VALUE)
    with pytest.raises(Sealed):
        transformer.open(KEY, stored[:-1] + bytes([stored[-1] ^ 1]))


def test_a_value_of_aes_gcm_belongs_to_its_object() -> None:
    transformer = made(Provider("aesgcm", (ONE,)))
    stored = transformer.seal(KEY, VALUE)
    with pytest.raises(Sealed, match="message authentication failed"):
        transformer.open("secrets/default/b", stored)


def test_plain_values_are_read_only_where_identity_is_among_the_providers() -> None:
    with_identity = made(Provider("aescbc", (ONE,)), IDENTITY)
    assert (with_identity.open(KEY, VALUE), with_identity.is_stale(KEY)) == (VALUE, True)
    with pytest.raises(Sealed, match="has no provider identity"):
        made(Provider("aescbc", (ONE,))).open(KEY, VALUE)


def test_identity_first_decrypts_by_and_by() -> None:
    stored = made(Provider("aescbc", (ONE,))).seal(KEY, VALUE)
    transformer = made(IDENTITY, Provider("aescbc", (ONE,)))
    assert (transformer.open(KEY, stored), transformer.is_stale(KEY)) == (VALUE, True)
    assert transformer.seal(KEY, VALUE) == VALUE


def test_without_its_key_a_value_is_refused() -> None:
    stored = made(Provider("aescbc", (ONE,))).seal(KEY, VALUE)
    with pytest.raises(Sealed, match="no provider of the encryption configuration has its key"):
        made(Provider("aescbc", (TWO,)), IDENTITY).open(KEY, stored)
    with pytest.raises(Sealed, match="give --encryption-provider-config"):
        refuse_encrypted(KEY, stored)


@pytest.mark.parametrize(("resources", "encrypted"), [
    (("secrets",), {"secrets/a/b"}),
    (("*.apps",), {"deployments.apps/a/b"}),
    (("*.",), {"secrets/a/b", "configmaps/a/b"}),
    (("boats.sea.example",), {"boats.sea.example/a/b"}),
    (("*.*",), {"secrets/a/b", "configmaps/a/b", "deployments.apps/a/b", "boats.sea.example/a/b"}),
])
def test_resources_are_chosen_by_name_group_or_all(resources: tuple[str, ...], encrypted: set[str]) -> None:
    transformer = made(Provider("aesgcm", (ONE,)), resources=resources)
    keys = {"secrets/a/b", "configmaps/a/b", "deployments.apps/a/b", "boats.sea.example/a/b"}
    assert {key for key in keys if transformer.seal(key, VALUE) != VALUE} == encrypted


def test_a_name_goes_before_its_group_and_that_before_all() -> None:
    cbc, gcm = Provider("aescbc", (ONE,)), Provider("aesgcm", (ONE,))
    transformer = Transformer([Rule(("*.*",), (cbc,)), Rule(("*.apps",), (gcm,)), Rule(("secrets",), (IDENTITY,))], Layout().path)
    assert transformer.seal("secrets/a/b", VALUE) == VALUE
    assert transformer.seal("deployments.apps/a/b", VALUE).startswith(b"k8s:enc:aesgcm:")
    assert transformer.seal("pods/a/b", VALUE).startswith(b"k8s:enc:aescbc:")
