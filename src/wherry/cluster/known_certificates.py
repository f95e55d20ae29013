"""The certificates of a data directory: which there are, when they end, and new ones in their place. Called by `wherry certs`.

What a start does by itself stays: the server's certificate is made anew when less than thirty days are left, those of the server as a
client whenever they are first needed. Source: https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from wherry.cluster import pki
from wherry.errors import WherryError

#: the name that kubeadm gives -> the file
_FILES = {"ca": "ca.crt", "apiserver": "server.crt", "apiserver-kubelet-client": "apiserver-kubelet-client.crt",
          "front-proxy-client": "front-proxy-client.crt"}  # fmt: skip


class CertificateError(WherryError):
    """A certificate that cannot be read, or cannot be made anew; the message says which and why."""


class Known(NamedTuple):
    """`ends`: seconds since 1970. `signer`: the name of who signed it."""

    name: str
    path: Path
    ends: float
    signer: str


def known(directory: Path) -> list[Known]:
    """Those in the folder `pki` of a data directory, the CA first. Raises CertificateError."""
    if not (directory / "ca.crt").exists():
        raise CertificateError(f"{directory} holds no certificates: a cluster makes them when it starts")
    return [_read(name, directory / file) for name, file in _FILES.items() if (directory / file).exists()]


def _read(name: str, path: Path) -> Known:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"{path} cannot be read: {error}") from error
    signers = found.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Known(name, path, found.not_valid_after_utc.timestamp(), str(signers[0].value) if signers else "")


def renew(directory: Path, name: str) -> Known:
    """A new one of that name. Raises CertificateError."""
    if name not in _FILES:
        raise CertificateError(f"there is no certificate {name}: {', '.join(_FILES)}")
    there = {each.name: each for each in known(directory)}
    if name not in there:
        raise CertificateError(f"there is no certificate {name} in {directory} yet: it is made when it is first needed")
    if name == "ca":
        raise CertificateError("the CA is not made anew: every kubeconfig and every node believes this one")
    own = pki.Pki(directory, "", "")
    if name == "apiserver":
        pki.renew_server(directory, _hosts(directory))
    else:
        (pki.kubelet_client if name == "apiserver-kubelet-client" else pki.front_proxy)(own)
    return _read(name, directory / _FILES[name])


def _hosts(directory: Path) -> list[str]:
    """What the server's certificate is good for, as its note says."""
    try:
        return [str(each) for each in json.loads((directory / "server.json").read_text())["hosts"]]
    except (OSError, ValueError, KeyError, TypeError):
        return pki.hosts()
