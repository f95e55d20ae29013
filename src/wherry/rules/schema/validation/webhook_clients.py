"""The clientConfig of a webhook: a URL or a Service, as admission and conversion webhooks have them.

Source: k8s.io/apiserver/pkg/util/webhook/validation.go.
"""

from __future__ import annotations

import re

from wherry.api.field import Errors, child, invalid, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_subdomain, port_number
from wherry.rules.schema.validation import go_url
from wherry.rules.schema.validation.config import decoded

_PEM = re.compile(rb"-----BEGIN [^-]+-----")
_FORM = "; desired format: https://host[/path]"


def client_config(client: Obj, path: str) -> Errors:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    return webhook_url(url, child(path, "url")) if url is not None else _service(service or {}, child(path, "service"))


def ca_bundle(bundle: str | None, path: str) -> Errors:
    """What is no PEM is refused; what certificates it has is not looked at."""
    if not bundle or _PEM.search(decoded(bundle)):
        return []
    return [invalid(path, bundle, "unable to load root certificates: unable to parse bytes as PEM block")]


def webhook_url(url: str, path: str) -> Errors:
    try:
        parts = go_url.parse(url)
    except ValueError as error:
        return [required(path, f"url must be a valid URL: {error}{_FORM}")]
    errors: Errors = []
    if parts.scheme != "https":
        errors.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not parts.host:
        errors.append(invalid(path, "", f"host must be specified{_FORM}"))
    if parts.user is not None:
        errors.append(invalid(path, parts.user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def _service(service: Obj, path: str) -> Errors:
    errors: Errors = []
    # the reference hands name and namespace over in the other order, so what is missing is named crosswise
    if not service.get("namespace"):
        errors.append(required(child(path, "name")))
    if not service.get("name"):
        errors.append(required(child(path, "namespace")))
    port = service.get("port", 443)
    if messages := port_number(port):
        errors.append(invalid(child(path, "port"), port, "port is not valid: " + ", ".join(messages)))
    given = service.get("path")
    return errors if given is None else errors + _path(given, child(path, "path"))


def _path(given: str, path: str) -> Errors:
    if given in ("", "/"):
        return []
    if given == "//":
        return [invalid(path, given, "segment[0] may not be empty")]
    errors: Errors = [] if given.startswith("/") else [invalid(path, given, "must start with a '/'")]
    for i, step in enumerate(given[1:].removesuffix("/").split("/")):
        wrong = dns1123_subdomain(step) if step else []
        errors += [invalid(path, given, f"segment[{i}]: {message}") for message in wrong]
        if not step:
            errors.append(invalid(path, given, f"segment[{i}] may not be empty"))
    return errors
