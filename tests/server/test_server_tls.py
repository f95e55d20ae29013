"""TLS: a client certificate that the cluster's CA signed is a user."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.server.http_server import world

NOW = datetime.datetime.now(datetime.UTC)


def _name(common: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


class Authority:
    def __init__(self, directory: Path) -> None:
        self.directory, self.key = directory, ec.generate_private_key(ec.SECP256R1())
        self.name = _name("ca")
        self.certificate = self._sign(self.name, self.key.public_key(), authority=True)
        self.path = directory / "ca.crt"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, name: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool = False) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW - datetime.timedelta(1)).not_valid_after(NOW + datetime.timedelta(1))
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        return builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())

    def chain(self, common: str, organization: str = "") -> str:
        """The path of a file with a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.directory / f"{common}.pem"
        path.write_bytes(
            self._sign(_name(common, organization), key.public_key()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return str(path)


def test_a_signed_certificate_is_a_user_and_its_organizations_are_groups(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.chain("localhost"))
    server.load_verify_locations(authority.path)
    server.verify_mode = ssl.CERT_OPTIONAL

    async def inside() -> None:
        async with world() as made:
            port = await made.server.start("127.0.0.1", 0, server)
            for chain, status in ((authority.chain("ann", "system:masters"), 200), (authority.chain("bob"), 403), ("", 403)):
                client = ssl.create_default_context(cafile=str(authority.path))
                if chain:
                    client.load_cert_chain(chain)
                connector = aiohttp.TCPConnector(ssl=client)
                url = f"https://localhost:{port}/api/v1/namespaces"
                async with aiohttp.ClientSession(connector=connector) as http, http.get(url) as response:
                    assert response.status == status

    asyncio.run(inside())


def _plain(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        with suppress(ConnectionResetError):
            while piece := connection.recv(4096):
                received += piece
    return received


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_who_speaks_plain_http_is_told_so(tmp_path: Path, loop: str) -> None:
    authority = Authority(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.chain("localhost"))
    trust = ssl.create_default_context(cafile=authority.path)

    async def run() -> None:
        async with world() as made:
            port = await made.server.start(ssl_context=server)
            said = await asyncio.to_thread(_plain, port, b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
            assert said == b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
            assert await asyncio.to_thread(_plain, port, b"nonsense\r\n\r\n") != said
            silent = socket.create_connection(("127.0.0.1", port))
            async with aiohttp.ClientSession() as session:
                answers = [session.get(f"https://localhost:{port}/version", ssl=trust) for _ in range(20)]
                codes = [(await answer).status for answer in answers]
            assert set(codes) == {200}
            silent.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
        runner.run(run())
