"""AdmissionReview: the question that a webhook gets, and what its answer says.

Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request;
k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go, errors/statuserror.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.admission.policies.asked import request
from wherry.rules.admission.policies.evaluation import Seen

KNOWN = ("v1", "v1beta1")


class BadAnswer(Exception):
    """The answer is none, or contradicts itself; str() is the reference's text."""


@dataclass(frozen=True, slots=True)
class Answer:
    allowed: bool
    result: Obj
    patch: list[Obj] | None
    warnings: tuple[str, ...]
    annotations: dict[str, str]


def question(seen: Seen, uid: str, versions: Iterable[str]) -> Obj | None:
    """The AdmissionReview in the first version that both sides know, None when there is none."""
    version = next((v for v in versions if v in KNOWN), None)
    if version is None:
        return None
    asked = {"uid": uid, **request(seen.asked, seen.resource)}
    asked["object"], asked["oldObject"] = seen.obj, seen.old
    return {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}", "request": asked}


def answer(body: bytes, asked: Obj, *, mutating: bool) -> Answer:
    """Raises BadAnswer."""
    try:
        review = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswer(f"couldn't get version/kind; json parse error: {error}") from None
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise BadAnswer("webhook response was absent")
    strict = asked["apiVersion"].endswith("/v1")
    if strict:
        _check(review, response, asked)
    return Answer(
        response.get("allowed") is True,
        _dict(response.get("status")),
        _patch(response, strict=strict, mutating=mutating),
        tuple(w for w in response.get("warnings") or () if isinstance(w, str)),
        {k: v for k, v in _dict(response.get("auditAnnotations")).items() if isinstance(v, str)},
    )


def _dict(value: Any) -> Obj:
    return value if isinstance(value, dict) else {}


def _check(review: Obj, response: Obj, asked: Obj) -> None:
    uid = asked["request"]["uid"]
    if response.get("uid", "") != uid:
        raise BadAnswer(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    kinds = [_group_version_kind(r.get("apiVersion") or "", r.get("kind") or "") for r in (asked, review)]
    if kinds[0] != kinds[1]:
        raise BadAnswer(f"expected webhook response of {kinds[0]}, got {kinds[1]}")


def _group_version_kind(api_version: str, kind: str) -> str:
    return f"{api_version if '/' in api_version else '/' + api_version}, Kind={kind}"


def _patch(response: Obj, *, strict: bool, mutating: bool) -> list[Obj] | None:
    patch, kind = response.get("patch"), response.get("patchType")
    if not mutating:
        if strict and patch:
            raise BadAnswer("validating webhook may not return response.patch")
        if strict and kind is not None:
            raise BadAnswer("validating webhook may not return response.patchType")
        return None
    if strict and patch and kind is None:
        raise BadAnswer("webhook returned response.patch but not response.patchType")
    if strict and not patch and kind is not None:
        raise BadAnswer("webhook returned response.patchType but not response.patch")
    if not patch:
        return None
    if strict and kind != "JSONPatch":
        raise UnknownPatch(f'unsupported patch type "{kind}"' if kind else 'webhook returned invalid response.patchType of ""')
    try:
        decoded = msgspec.json.decode(base64.b64decode(patch), type=list[dict[str, Any]])
    except (binascii.Error, ValueError, TypeError, msgspec.DecodeError) as error:
        raise UnknownPatch(f"received undecodable patch in webhook response: {error}") from None
    return decoded


class UnknownPatch(BadAnswer):
    """A patch that cannot be read: its text stands alone."""


def denied(name: str, result: Obj) -> StatusError:
    """The refusal of a webhook, as its answer words it, with a code of at least 400."""
    by = f'admission webhook "{name}" denied the request'
    message, reason = result.get("message") or "", result.get("reason") or ""
    text = f"{by}: {message}" if message else f"{by}: {reason}" if reason else f"{by} without explanation"
    code = result.get("code")
    error = StatusError(text, result.get("details"), code=code if isinstance(code, int) and code >= 400 else 400, reason=reason)
    return error
