"""Where a webhook is: its clientConfig to the URL to call, and for a Service to the addresses behind it (of other API servers too).

A Service is looked up as it is stored: its endpoints that are ready, or the name that an ExternalName says. That nodes are simulated, and
nobody listens at their pods' addresses, shows as a connection that fails.
Source: k8s.io/apiserver/pkg/util/webhook/client.go (hookClientConfig), k8s.io/apiserver/pkg/util/proxy (ResolveEndpoint).
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

from wherry.api.objects import Obj
from wherry.registry.outside.calls import Address, Call, CallFailed
from wherry.store.protocol import Store


async def call(store: Store, config: Obj, body: bytes, seconds: int) -> Call:
    """Raises CallFailed when there is nothing to call."""
    bundle = _bundle(config.get("caBundle") or "")
    service = config.get("service")
    if service is None:
        url = config.get("url") or ""
        if not urlsplit(url).hostname:
            raise CallFailed("webhook configuration must have either service or URL")
        return Call(_with_timeout(url, seconds), body, seconds, bundle)
    name, namespace, port = service.get("name") or "", service.get("namespace") or "", service.get("port") or 443
    path = service.get("path") or ""
    url = _with_timeout(f"https://{name}.{namespace}.svc:{port}{path if path.startswith('/') else '/' + path}", seconds)
    return Call(url, body, seconds, bundle, await _of_service(store, namespace, name, port, url))


def _with_timeout(url: str, seconds: int) -> str:
    parts = urlsplit(url)
    query = f"{parts.query}&timeout={seconds}s" if parts.query else f"timeout={seconds}s"
    return parts._replace(path=parts.path or "/", query=query, fragment="").geturl()


def _bundle(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise CallFailed("unable to load root certificates: unable to parse bytes as PEM block") from None


async def _of_service(store: Store, namespace: str, name: str, port: int, url: str) -> tuple[Address, ...]:
    try:
        return await addresses(store, namespace, name, port)
    except CallFailed as error:
        raise CallFailed(f'Post "{url}": {error}') from None


async def addresses(store: Store, namespace: str, name: str, port: int) -> tuple[Address, ...]:
    """Where the port of a Service leads to: at least one address. Raises CallFailed, with why there is none."""
    record = await store.get(f"services/{namespace}/{name}")
    if record is None:
        raise CallFailed(f'service "{name}" not found')
    spec = record.object().get("spec") or {}
    if spec.get("type") == "ExternalName":
        return ((spec.get("externalName") or "", port),)
    wanted = next((p for p in spec.get("ports") or () if p.get("port") == port), None)
    if wanted is None:
        raise CallFailed(f'no service port {port} found for service "{name}"')
    found = await _endpoints(store, namespace, name, wanted.get("name") or "")
    if not found:
        raise CallFailed(f'no endpoints available for service "{name}"')
    return tuple(found)


async def _endpoints(store: Store, namespace: str, name: str, port: str) -> list[Address]:
    """Those that are ready."""
    slices = (await store.range(f"endpointslices.discovery.k8s.io/{namespace}/")).records
    found: list[Address] = []
    for record in slices:
        obj = record.object()
        if (obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != name:
            continue
        numbers = [p.get("port") for p in obj.get("ports") or () if (p.get("name") or "") == port]
        for endpoint in obj.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                found += [(address, number) for address in endpoint.get("addresses") or () for number in numbers if number]
    return found or await _plain_endpoints(store, namespace, name, port)


async def _plain_endpoints(store: Store, namespace: str, name: str, port: str) -> list[Address]:
    """Of the older Endpoints object, which somebody may keep by hand."""
    record = await store.get(f"endpoints/{namespace}/{name}")
    found: list[Address] = []
    for subset in (record.object().get("subsets") or ()) if record is not None else ():
        numbers = [p.get("port") for p in subset.get("ports") or () if (p.get("name") or "") == port]
        found += [(a["ip"], number) for a in subset.get("addresses") or () for number in numbers if number]
    return found
