"""What stores use to keep chosen resources encrypted: from an object's bytes to what is stored, and back.

Made of an EncryptionConfiguration by `Transformer.of`. A value is written with the first key of the first provider and read with whichever
wrote it, so a key is changed by putting the new one first, starting the servers, and writing the objects again; `is_stale` says which
objects still have an older form, and an update writes those even when nothing else changes. A value that no provider of its resource can
read is refused; so is one that is encrypted where nothing is configured (`refuse_encrypted`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wherry.store.encryption.configuration import Rule
    from wherry.store.encryption.providers import Cipher

#: what every encrypted value begins with
MARK = b"k8s:enc:"


class Sealed(ValueError):
    """A value that is encrypted, and cannot be read here. The message says why."""


class _Reader(NamedTuple):
    """`prefix`: of the values that it reads; `cipher` None: they are plain."""

    prefix: bytes
    cipher: Cipher | None


class Transformer:
    """`place`: from a key of the store to that in etcd, which some ciphers bind a value to."""

    def __init__(self, rules: Sequence[Rule], place: Callable[[str], bytes]) -> None:
        self._place = place
        self._stale: set[str] = set()
        self._readers = [(rule.resources, _readers(rule)) for rule in rules]
        self._of: dict[str, list[_Reader]] = {}

    @classmethod
    def of(cls, path: Path, place: Callable[[str], bytes]) -> Transformer:
        """Of a file. Raises ConfigurationError."""
        from wherry.store.encryption import configuration

        return cls(configuration.read(path), place)

    def seal(self, key: str, value: bytes) -> bytes:
        """What is stored of an object's bytes."""
        self._stale.discard(key)
        first = self._all(key)[0]
        return value if first.cipher is None else first.prefix + first.cipher.encrypt(value, self._place(key))

    def open(self, key: str, stored: bytes) -> bytes:
        """An object's bytes, of what is stored. Raises Sealed."""
        readers = self._all(key)
        failure = ""
        for reader in readers:
            if reader.cipher is None:
                if stored.startswith(MARK):
                    continue
                found = stored
            elif not stored.startswith(reader.prefix):
                continue
            else:
                try:
                    found = reader.cipher.decrypt(stored[len(reader.prefix) :], self._place(key))
                except ValueError as error:
                    failure = str(error)
                    continue
            (self._stale.discard if reader is readers[0] else self._stale.add)(key)
            return found
        raise Sealed(failure or ("no provider of the encryption configuration has its key" if stored.startswith(MARK)
                                 else "it is not encrypted, and the encryption configuration has no provider identity"))

    def is_stale(self, key: str) -> bool:
        """What is stored of the object is not what would be stored of it now."""
        return key in self._stale

    def _all(self, key: str) -> list[_Reader]:
        table = key.partition("/")[0]
        found = self._of.get(table)
        if found is None:
            found = self._of[table] = self._find(table)
        return found

    def _find(self, table: str) -> list[_Reader]:
        """The resource by its name, else its group, else all."""
        group = table.partition(".")[2]
        for name in (table, f"*.{group}", "*.*"):
            for resources, readers in self._readers:
                if name in resources:
                    return readers
        return [_Reader(b"", None)]


def _readers(rule: Rule) -> list[_Reader]:
    from wherry.store.encryption.configuration import IDENTITY
    from wherry.store.encryption.providers import CIPHERS

    found = []
    for provider in rule.providers:
        if provider.kind == IDENTITY:
            found.append(_Reader(b"", None))
        for key in provider.keys:
            found.append(_Reader(b"%b%b:v1:%b:" % (MARK, provider.kind.encode(), key.name.encode()), CIPHERS[provider.kind](key.secret)))
    return found


def refuse_encrypted(key: str, stored: bytes) -> bytes:
    """What a store without a configuration reads: plain values only. Raises Sealed."""
    if stored.startswith(MARK):
        raise Sealed("it is encrypted: give --encryption-provider-config")
    return stored
