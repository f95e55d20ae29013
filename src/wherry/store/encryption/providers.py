"""The ciphers of an EncryptionConfiguration, in the reference's formats, so that either reads what the other wrote.

A stored value begins with `k8s:enc:`, the provider, its version and the key's name; then comes what the cipher made. AES-GCM also
authenticates the key of the object in etcd, so a value cannot be moved to another object. Imported with the first configuration.
Source: apiserver/pkg/storage/value/encrypt/{aes,secretbox}; AES-CBC pads as PKCS #7 (RFC 5652), AES-GCM: NIST SP 800-38D,
secretbox: XSalsa20 and Poly1305 (https://nacl.cr.yp.to/secretbox.html), by PyNaCl.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as AnyCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from wherry.store.encryption.configuration import ConfigurationError

_BLOCK = 16
_NONCE = 12


class CannotDecrypt(ValueError):
    """The key is another one, or the value was changed."""


class Cipher(Protocol):
    """Of one key. `path`: the object's key in etcd."""

    def encrypt(self, value: bytes, path: bytes) -> bytes: ...
    def decrypt(self, data: bytes, path: bytes) -> bytes:
        """Raises CannotDecrypt."""
        ...


class AesCbc:
    def __init__(self, secret: bytes) -> None:
        self._algorithm = algorithms.AES(secret)

    def encrypt(self, value: bytes, path: bytes) -> bytes:
        start, pad = os.urandom(_BLOCK), PKCS7(8 * _BLOCK).padder()
        encryptor = AnyCipher(self._algorithm, modes.CBC(start)).encryptor()
        return start + encryptor.update(pad.update(value) + pad.finalize()) + encryptor.finalize()

    def decrypt(self, data: bytes, path: bytes) -> bytes:
        if len(data) < 2 * _BLOCK or len(data) % _BLOCK:
            raise CannotDecrypt("the stored data is not a multiple of the block size")
        decryptor = AnyCipher(self._algorithm, modes.CBC(data[:_BLOCK])).decryptor()
        pad = PKCS7(8 * _BLOCK).unpadder()
        try:
            return pad.update(decryptor.update(data[_BLOCK:]) + decryptor.finalize()) + pad.finalize()
        except ValueError:
            raise CannotDecrypt("invalid padding on input") from None


class AesGcm:
    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def encrypt(self, value: bytes, path: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, value, path)

    def decrypt(self, data: bytes, path: bytes) -> bytes:
        try:
            return self._cipher.decrypt(data[:_NONCE], data[_NONCE:], path)
        except (InvalidTag, ValueError):
            raise CannotDecrypt("message authentication failed") from None


class Secretbox:
    def __init__(self, secret: bytes) -> None:
        try:
            from nacl.secret import SecretBox
        except ImportError as error:
            raise ConfigurationError("the provider secretbox needs one more library: pip install 'wherry[secretbox]'") from error
        self._box = SecretBox(secret)

    def encrypt(self, value: bytes, path: bytes) -> bytes:
        return bytes(self._box.encrypt(value))

    def decrypt(self, data: bytes, path: bytes) -> bytes:
        from nacl.exceptions import CryptoError

        try:
            return bytes(self._box.decrypt(data))
        except (CryptoError, ValueError):
            raise CannotDecrypt("failed to decrypt data") from None


CIPHERS: dict[str, Callable[[bytes], Cipher]] = {"aescbc": AesCbc, "aesgcm": AesGcm, "secretbox": Secretbox}
