"""Content negotiation: which form the client accepts, and in which of them the reference would answer.

Called once per request with the Accept header; results are remembered per header, as clients send few different ones. We write JSON
and YAML; a client that prefers protobuf but also takes JSON gets JSON. Raises NotAcceptable.
Source: k8s.io/apiserver/pkg/endpoints/handlers/negotiation; go-restful's check of `Produces` comes first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from wherry.api.errors import NotAcceptable, UnsupportedMediaType
from wherry.api.options import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
_OFFERED = (JSON, YAML, PROTOBUF)
_NAMES = ", ".join(_OFFERED)
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
_CONVERSIONS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_TREE_BROWSERS = ("curl", "Wget", "Mozilla/5.0")


class Clause(NamedTuple):
    """One media range of an Accept header."""

    type: str
    subtype: str
    parameters: dict[str, str]

    def matches(self, media_type: str) -> bool:
        type_, _, subtype = media_type.partition("/")
        return (self.type == type_ and self.subtype in (subtype, "*")) or (self.type == "*" and self.subtype == "*")


class Wanted(NamedTuple):
    """What to answer in. `convert`: "" or the kind to turn the object into, `version` that of meta.k8s.io."""

    format: Literal["json", "yaml"] = "json"
    convert: str = ""
    version: str = ""
    pretty: bool = False


class Discovery(NamedTuple):
    """An aggregated discovery document is wanted, in this version of apidiscovery.k8s.io."""

    version: str


PLAIN = Wanted()


def _clause(text: str) -> tuple[float, Clause] | None:
    media, *parts = text.split(";")
    type_, slash, subtype = media.strip().partition("/")
    if not slash and type_ != "*":
        return None
    quality, parameters = 1.0, {}
    for part in parts:
        key, _, value = part.strip().partition("=")
        if key == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 1.0
        elif key:
            parameters[key] = value.strip('"')
    return quality, Clause(type_, subtype or "*", parameters)


@lru_cache(maxsize=256)
def clauses(header: str) -> tuple[Clause, ...]:
    """The media ranges, best first: by quality, then the precise before wildcards, then as written."""
    found = [c for c in map(_clause, header.split(",")) if c is not None]
    found.sort(key=lambda c: (-c[0], c[1].type == "*", c[1].subtype == "*"))
    return tuple(c for _, c in found)


def _listed(header: str) -> bool:
    """go-restful's check: one range is exactly a type we have, or everything."""
    return any(part.partition(";")[0].strip() in (*_OFFERED, "*/*") for part in header.split(","))


def _conversion(clause: Clause) -> tuple[str, str] | None:
    """(kind, version) that a clause asks for, ("", "") for none; None when it asks for what there is not."""
    if not {"as", "g", "v"} & set(clause.parameters):
        return "", ""
    kind, version = clause.parameters.get("as", ""), clause.parameters.get("v", "")
    known = clause.parameters.get("g") == "meta.k8s.io" and version in ("v1", "v1beta1") and kind in _CONVERSIONS
    return (kind, version) if known else None


@lru_cache(maxsize=256)
def _negotiate(header: str, tables: bool) -> Wanted:
    if not _listed(header):
        raise NotAcceptable(f"406: Not Acceptable\n\nAvailable representations: {_NAMES}", {})
    protobuf_only = False
    for clause in clauses(header):
        if clause.parameters.get("stream") not in (None, "", "watch"):
            continue
        conversion = _conversion(clause)
        if conversion is None or (conversion[0] == "Table" and not tables):
            continue
        for media_type in _OFFERED:
            if not clause.matches(media_type) or (conversion[0] == "Table" and media_type == PROTOBUF):
                continue
            if media_type == PROTOBUF:
                protobuf_only = True
                continue
            return Wanted("json" if media_type == JSON else "yaml", *conversion, clause.parameters.get("pretty") == "1")
    raise NotAcceptable(f"only the following media types are accepted: {f'{JSON}, {YAML}' if protobuf_only else _NAMES}")


def negotiate(header: str | None, tables: bool = True) -> Wanted:
    """What an object or a list is to be answered in. `tables`: whether there is a table of it."""
    return PLAIN if not header or header == JSON else _negotiate(header, tables)


def best_effort(header: str | None) -> Wanted:
    """What an error is to be answered in: YAML for who wants only that, else JSON."""
    try:
        return Wanted(negotiate(header).format)
    except NotAcceptable:
        return PLAIN


def discovery(header: str | None) -> Discovery | None:
    """Aggregated discovery, if that is what the client likes best; v2beta1 of it is no longer served."""
    for clause in clauses(header or JSON):
        if not clause.matches(JSON):
            continue
        asked = clause.parameters
        if asked.get("as") == "APIGroupDiscoveryList" and asked.get("g") == "apidiscovery.k8s.io" and asked.get("v") == "v2":
            return Discovery(asked["v"])
        if "as" not in asked:
            return None
    return None


def is_human(user_agent: str) -> bool:
    """Browsers and command-line HTTP tools get indented JSON."""
    return user_agent.startswith(_TREE_BROWSERS)


def check_body_type(content_type: str) -> None:
    """The media type of an object's body. Raises UnsupportedMediaType."""
    if content_type and content_type.partition(";")[0].strip().lower() not in _OFFERED:
        accepted = f"the body of the request was in an unknown format - accepted media types include: {_NAMES}"
        raise UnsupportedMediaType(accepted)


def patch_type(content_type: str, has_body: bool, accepted: tuple[str, ...] = PATCH_TYPES) -> str:
    """The kind of a patch, which must be `accepted`. Raises UnsupportedMediaType."""
    kind = content_type.partition(";")[0].strip()
    if kind in accepted:
        return kind
    if has_body and accepted is PATCH_TYPES:
        raise UnsupportedMediaType("415: Unsupported Media Type", {})
    listed = ", ".join(accepted)
    raise UnsupportedMediaType(f"the body of the request was in an unknown format - accepted media types include: {listed}")
