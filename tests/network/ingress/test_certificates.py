"""TLS of Ingresses: the certificate of the host that the client names, and what is done about a Secret that holds none."""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import Any

import pytest
from cryptography import x509

from tests.worlds.ingress import INGRESSES, World, ingress, world
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster import certificates

pytestmark = pytest.mark.real_nodes


def _secret(name: str, *hosts: str) -> dict[str, Any]:
    authority = certificates.Authority(*certificates.make_ca())
    made, key = certificates.issue(authority, hosts[0], organizations=(), hosts=hosts, days=1)
    data = {"tls.crt": base64.b64encode(made).decode(), "tls.key": base64.b64encode(key).decode()}
    return {"metadata": {"name": name, "namespace": "default"}, "type": "kubernetes.io/tls", "data": data}


async def _shown(at: World, host: str) -> str:
    """The common name of the certificate that a client sees who asks for that host."""
    await at.served()
    assert at.cluster.ingress is not None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", at.cluster.ingress.listening.https, ssl=context, server_hostname=host)
    tls = writer.get_extra_info("ssl_object")
    name = x509.load_der_x509_certificate(tls.getpeercert(True)).subject.rfc4514_string()
    writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 503")
    writer.transport.abort()
    return name.removeprefix("CN=")


async def _until_shown(at: World, host: str, name: str) -> None:
    async def seen() -> bool:
        return await _shown(at, host) == name

    await at.until(seen)


def test_each_host_has_the_certificate_of_its_secret_and_the_controllers_own_where_there_is_none() -> None:
    own = "wherry ingress controller"

    async def story() -> None:
        async with world() as at:
            await at.service("web", "web")
            await at.cluster.client.create(resource("secrets"), "default", _secret("one", "one.example"))
            await at.cluster.client.create(resource("secrets"), "default", _secret("wild", "*.wild.example"))
            tls = [{"hosts": ["one.example"], "secretName": "one"}, {"hosts": ["*.wild.example"], "secretName": "wild"},
                   {"hosts": ["two.example"], "secretName": "two"}]  # fmt: skip
            paths = [(host, "/", "web") for host in ("one.example", "*.wild.example", "two.example", "plain.example")]
            await at.cluster.client.create(INGRESSES, "default", ingress("web", *paths, tls=tls))
            await at.until_status("one.example", 503)
            names = [await _shown(at, host) for host in ("one.example", "a.wild.example", "two.example", "plain.example")]
            assert names == ["one.example", "*.wild.example", own, own]
            await _told(at, "secret default/two is not there")
            # it comes, it changes, it breaks
            await at.cluster.client.create(resource("secrets"), "default", _secret("two", "two.example"))
            await _until_shown(at, "two.example", "two.example")
            await at.cluster.client.patch(resource("secrets"), "default", "two", {"data": _secret("x", "new.example")["data"]}, MERGE_PATCH)
            await _until_shown(at, "two.example", "new.example")
            wrong = {"tls.key": _secret("x", "other")["data"]["tls.key"]}
            await at.cluster.client.patch(resource("secrets"), "default", "two", {"data": wrong}, MERGE_PATCH)
            await _until_shown(at, "two.example", own)
            await _told(at, "secret default/two holds no certificate with its key: KEY_VALUES_MISMATCH")

    asyncio.run(asyncio.wait_for(story(), 50))


async def _told(at: World, text: str) -> None:
    async def there() -> bool:
        events = (await at.cluster.client.list(resource("events"), "default")).items
        return any(each["reason"] == "BadCertificate" and each["message"].startswith(text) for each in events)

    await at.until(there)
