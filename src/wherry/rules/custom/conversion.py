"""Conversion between versions of a custom kind: by name only, or by what a webhook answered.

Called by the registry. Turns an object into one of another version; of metadata a webhook may only change labels and annotations.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/conversion (nop_converter.go, webhook_converter.go).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wherry.api.objects import Obj

REVIEW_GROUP = "apiextensions.k8s.io"
REVIEW_VERSIONS = ("v1", "v1beta1")
_CHANGEABLE = ("labels", "annotations")


class BadAnswer(Exception):
    """What a webhook answered is no conversion; the message goes on where the name of the webhook ends."""


def renamed(obj: Obj, api_version: str) -> Obj:
    """The conversion strategy None: the fields stay what they are."""
    return {"kind": obj["kind"], "apiVersion": api_version, **{k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}}


def review(objs: Sequence[Obj], wanted: str, accepted: Sequence[str], uid: str) -> Obj:
    """The ConversionReview to send. `accepted`: the review versions that the webhook reads, the best first."""
    version = next((v for v in accepted if v in REVIEW_VERSIONS), "v1")
    request = {"uid": uid, "desiredAPIVersion": wanted, "objects": list(objs)}
    return {"kind": "ConversionReview", "apiVersion": f"{REVIEW_GROUP}/{version}", "request": request}


def answers(sent: Obj, got: Any, kind: str) -> list[Obj]:
    """The converted objects in a webhook's answer. Raises BadAnswer."""
    asked = sent["request"]
    converted = _converted(sent, got)
    if len(converted) != len(asked["objects"]):
        raise BadAnswer(f"returned {len(converted)} objects, expected {len(asked['objects'])}")
    for i, obj in enumerate(converted):
        bad = f"returned invalid converted object at index {i}: invalid"
        given = obj if isinstance(obj, dict) else {}
        if given.get("apiVersion") != asked["desiredAPIVersion"]:
            raise BadAnswer(f"{bad} groupVersion (expected {asked['desiredAPIVersion']}, received {given.get('apiVersion', '')})")
        if given.get("kind") != kind:
            raise BadAnswer(f"{bad} kind (expected {kind}, received {given.get('kind', '')})")
    return converted


def _converted(sent: Obj, got: Any) -> list[Any]:
    if not isinstance(got, dict) or got.get("kind") != "ConversionReview" or got.get("apiVersion") != sent["apiVersion"]:
        said = f"{got.get('apiVersion', '')}, Kind={got.get('kind', '')}" if isinstance(got, dict) else "something else"
        raise BadAnswer(f"failed: expected webhook response of {sent['apiVersion']}, Kind=ConversionReview, got {said}")
    response = got.get("response")
    if not isinstance(response, dict):
        raise BadAnswer("failed: no response provided")
    uid = sent["request"]["uid"]
    if sent["apiVersion"].endswith("/v1") and response.get("uid") != uid:
        raise BadAnswer(f'failed: expected response.uid="{uid}", got "{response.get("uid", "")}"')
    outcome = response.get("result") or {}
    status = outcome.get("status", "")
    if status == "Failure":
        raise BadAnswer(f"failed: {outcome.get('message') or 'unknown error'}")
    if status != "Success":
        raise BadAnswer(f"failed: response.result.status was '{status}', not 'Success'")
    found: list[Any] = response.get("convertedObjects") or []
    return found


def result(before: Obj, converted: Obj) -> Obj:
    """The converted object with the metadata it had, but for labels and annotations. Raises BadAnswer when it names another object."""
    own, given = before["metadata"], converted.get("metadata")
    if not isinstance(given, dict):
        raise BadAnswer("returned invalid metadata in object at index 0: missing metadata in converted object")
    for name in ("name", "namespace", "uid"):
        was, now = own.get(name, ""), given.get(name, "")
        if was != now:
            raise BadAnswer(f"returned invalid metadata in object at index 0: must have the same {name}: {was} != {now}")
    kept = {k: v for k, v in own.items() if k not in _CHANGEABLE}
    metadata = kept | {k: given[k] for k in _CHANGEABLE if given.get(k)}
    rest = {k: v for k, v in converted.items() if k not in ("kind", "apiVersion", "metadata")}
    return {"kind": converted["kind"], "apiVersion": converted["apiVersion"], "metadata": metadata, **rest}
