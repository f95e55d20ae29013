"""The cluster's own certificate authority, the server's certificate, and client certificates.

Files live in one directory: ca.crt, ca.key, server.crt, server.key, token (the admin's bearer token). They are made once and kept; the
server's certificate is made anew when it is about to end or does not belong to the CA. What it is good for stands in server.json, so that
a start with good certificates does not load the library that makes them. Keys are EC P-256 and readable by their owner only.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from wherry.cluster import certificate_child as forehand
from wherry.kit.files import replace

CERTIFICATE_DAYS = 365
#: a certificate with less than this left is replaced at start
RENEW_DAYS = 30
#: the name in the certificate of the API server as a client that says who asks
FRONT_PROXY = "front-proxy-client"
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
#: the last two are on the network of pods: of the Service `kubernetes`, and where it leads
SERVER_ADDRESSES = ("127.0.0.1", "::1", "10.96.0.1", "10.244.0.1")


@dataclass(frozen=True, slots=True)
class Pki:
    """Paths of the files, and the CA's certificate and the admin's token as they are needed most."""

    directory: Path
    ca_pem: str
    token: str

    @property
    def server_certificate(self) -> Path:
        return self.directory / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.directory / "server.key"

    @property
    def ca_certificate(self) -> Path:
        return self.directory / "ca.crt"


def ensure(directory: Path, *own: str) -> Pki:
    """Loads what is in `directory`, makes what is missing. `own`: more names and addresses that the server's certificate is good for."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_path, key_path = directory / "ca.crt", directory / "ca.key"
    names = hosts(*own)
    if not (ca_path.exists() and key_path.exists()):
        made = forehand.take(names)
        if made is None:
            from wherry.cluster import certificates

            made = certificates.make_all(names, CERTIFICATE_DAYS)
        replace(key_path, made.ca_key)
        replace(ca_path, made.ca, 0o644)
        _write_server(directory, names, made.server, made.server_key)
    elif not _is_good(directory, names):
        renew_server(directory, names)
    token_path = directory / "token"
    if not token_path.exists():
        replace(token_path, secrets.token_urlsafe(32).encode())
    return Pki(directory, ca_path.read_text(), token_path.read_text().strip())


def renew_server(directory: Path, names: list[str]) -> None:
    """Another certificate of the server's, good for these names and addresses."""
    _write_server(directory, names, *issue(directory, "kube-apiserver", hosts=tuple(names)))


def begin(directory: Path, *own: str) -> None:
    """Lets another process make what `ensure` will find missing: a first start need not wait for it. Only before any thread runs."""
    if not (directory / "ca.crt").exists():
        forehand.begin(hosts(*own), CERTIFICATE_DAYS)


def hosts(*own: str) -> list[str]:
    return list(dict.fromkeys((*filter(None, own), *SERVER_NAMES, *SERVER_ADDRESSES)))


def _write_server(directory: Path, hosts: list[str], certificate: bytes, key: bytes) -> None:
    replace(directory / "server.key", key)
    replace(directory / "server.crt", certificate, 0o644)
    note = {"files": _files(directory), "hosts": hosts, "ends": int(time.time()) + CERTIFICATE_DAYS * 86400}
    replace(directory / "server.json", json.dumps(note).encode(), 0o644)


#: what `shared` made in this process, by names and seed: the files of a directory but for the token
_MADE: dict[tuple[tuple[str, ...], int | None], dict[str, bytes]] = {}
_SHARED_FILES = ("ca.crt", "ca.key", "server.crt", "server.key", "server.json")


def shared(directory: Path, *own: str, seed: int | None = None) -> Pki:
    """For clusters that live no longer than this process: they have one CA and one server's certificate, and a token each.

    With a seed the CA follows from it, and so does every object that carries its certificate: for tests on the loopback interface only.
    """
    made = _MADE.get((own, seed))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if made is None:
        if seed is not None:
            from wherry.cluster import certificates

            certificate, key = certificates.make_ca(seed)
            replace(directory / "ca.key", key)
            replace(directory / "ca.crt", certificate, 0o644)
        pki = ensure(directory, *own)
        _MADE[own, seed] = {name: (directory / name).read_bytes() for name in _SHARED_FILES}
        return pki
    for name, content in made.items():
        replace(directory / name, content, 0o600 if name.endswith(".key") else 0o644)
    token = secrets.token_urlsafe(32)
    replace(directory / "token", token.encode())
    return Pki(directory, made["ca.crt"].decode(), token)


def issue(
    directory: Path, common_name: str, *, organizations: tuple[str, ...] = (), hosts: tuple[str, ...] = (), days: int = CERTIFICATE_DAYS
) -> tuple[bytes, bytes]:
    """A certificate signed by the CA in `directory`, and its key, as PEM. With `hosts` for a server, without for a client."""
    from wherry.cluster import certificates

    ca = certificates.Authority((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
    return certificates.issue(ca, common_name, organizations=organizations, hosts=hosts, days=days)


def kubelet_client(pki: Pki) -> tuple[Path, Path]:
    """The certificate and key with which the API server comes to kubelets: made now, good for as long as the server's own.

    Its group is the reference's: kubelets ask whether it may, and the cluster's administrators may.
    """
    certificate, key = pki.directory / "apiserver-kubelet-client.crt", pki.directory / "apiserver-kubelet-client.key"
    made = issue(pki.directory, "kube-apiserver-kubelet-client", organizations=("system:masters",))
    replace(key, made[1])
    replace(certificate, made[0], 0o644)
    return certificate, key


def front_proxy(pki: Pki) -> tuple[Path, Path]:
    """The certificate and key with which the API server comes to other API servers: made now, good for as long as the server's own.

    Its name is the one that these are told to believe when it says who asks.
    """
    certificate, key = pki.directory / "front-proxy-client.crt", pki.directory / "front-proxy-client.key"
    made = issue(pki.directory, FRONT_PROXY)
    replace(key, made[1])
    replace(certificate, made[0], 0o644)
    return certificate, key


def _is_good(directory: Path, hosts: list[str]) -> bool:
    """Is the server's certificate the one the note is about, for these hosts, of this CA, and not about to end?"""
    try:
        note = json.loads((directory / "server.json").read_text())
        left = note["ends"] - time.time()
        return bool(note["files"] == _files(directory) and note["hosts"] == hosts and left > RENEW_DAYS * 86400)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _files(directory: Path) -> str:
    """What the CA, the certificate and its key hold, in one hash."""
    parts = [hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in ("ca.crt", "server.crt", "server.key")]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
