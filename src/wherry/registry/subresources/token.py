"""The token subresource of service accounts: a TokenRequest is answered with a token, and nothing is stored.

Source: pkg/registry/core/serviceaccount/storage/token.go;
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/.
"""

from __future__ import annotations

from typing import cast

from wherry.api import errors, field, timestamps
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj, name, uid
from wherry.api.options import Target
from wherry.api.schema import definition
from wherry.registry.core import Core
from wherry.registry.encode import transient
from wherry.registry.results import RawBody
from wherry.registry.tokens.issuer import Issuer
from wherry.registry.verbs.stages import asking
from wherry.registry.verbs.write import Stage, Write
from wherry.registry.versions import bodies
from wherry.rules.access.tokens import request as rules
from wherry.rules.access.tokens.claims import Binding, claims
from wherry.rules.schema import decode
from wherry.rules.writing.managed_fields import track_update

_GROUP, _VERSION, _KIND = "authentication.k8s.io", "authentication.k8s.io/v1", "TokenRequest"
_SCHEMA = "io.k8s.api.authentication.v1.TokenRequest"


def decode_request(write: Write) -> None:
    """Raises BadRequest."""
    body = write.body
    parsed = decode.parse(body.content, body.content_type) if isinstance(body, RawBody) else decode.Parsed(dict(cast("Obj", body)))
    decoded = decode.decode_into(_SCHEMA, _VERSION, _KIND, parsed, write.options.field_validation)
    draft = decoded.obj
    draft.setdefault("metadata", {})
    draft.pop("status", None)
    rules.default(draft)
    write.draft = {"kind": _KIND, "apiVersion": _VERSION, **draft}
    write.warnings += decoded.warnings
    bodies.check_namespace(write.draft, write.target)


def track(write: Write) -> None:
    """Even what is never stored has owners."""
    fields = track_update(
        None, write.draft, node=definition(_SCHEMA), manager=write.options.manager, operation="Update", api_version=_VERSION,
        subresource="token", time=write.core.timestamp(),
    )  # fmt: skip
    if fields:
        write.draft["metadata"]["managedFields"] = fields


async def fill_in(write: Write) -> None:
    """The account says who it is for. Raises Invalid, NotFound (the account), Conflict (its uid)."""
    said = write.draft["metadata"].get("name")
    if said and said != write.target.name:
        cause = field.invalid("metadata.name", said, "must match the service account name if specified")
        raise errors.invalid(f"{_KIND}.{_GROUP}", write.target.name, [cause])
    account = await _object(write.core, "serviceaccounts", write.namespace, write.target.name)
    write.old = account
    _fill(write.draft, account, write.core.issuer, write.core.now())


def validate(write: Write) -> None:
    """Raises Invalid."""
    if found := rules.validate(write.draft):
        raise errors.invalid(f"{_KIND}.{_GROUP}", "", found)


async def sign(write: Write) -> None:
    """Raises BadRequest, NotFound (the bound object), Conflict (its uid)."""
    core, draft, issuer = write.core, write.draft, write.core.issuer
    binding = await _binding(core, draft["spec"].get("boundObjectRef"), write.target)
    audiences = draft["spec"]["audiences"]
    life = rules.life(draft, binding, core.now(), issuer.audiences)
    token = issuer.sign(claims(write.old or {}, binding, life, issuer=issuer.url, audiences=audiences, token_id=core.new_uid()))
    spec = {**draft["spec"], "boundObjectRef": draft["spec"].get("boundObjectRef")}
    ends = timestamps.time(core.now() + spec["expirationSeconds"])
    write.record = transient({**draft, "spec": spec, "status": {"token": token, "expirationTimestamp": ends}})


STAGES: tuple[Stage, ...] = (decode_request, track, asking.admit, fill_in, validate, asking.validate_admission, sign)


async def _object(core: Core, plural: str, namespace: str, name: str) -> Obj:
    record = await core.store.get("/".join(part for part in (plural, namespace, name) if part))
    if record is None:
        raise errors.not_found(plural, name)
    found: Obj = record.object()
    return found


def _fill(draft: Obj, account: Obj, issuer: Issuer, now: float) -> None:
    meta = draft["metadata"]
    said = meta.get("uid")
    if said and said != uid(account):
        why = f"the UID in the token request ({said}) does not match the UID of the service account ({uid(account)})"
        raise errors.conflict(f"{_KIND}.{_GROUP}", name(account), why)
    if not draft["spec"].get("audiences"):
        draft["spec"]["audiences"] = list(issuer.audiences)
    meta.update(name=name(account), namespace=account["metadata"]["namespace"], uid=uid(account), creationTimestamp=timestamps.time(now))


async def _binding(core: Core, ref: Obj | None, target: Target) -> Binding:
    if ref is None:
        return Binding()
    version, kind, wanted = ref.get("apiVersion", ""), ref.get("kind", ""), ref.get("name", "")
    group = version.partition("/")[0] if "/" in version else ""
    if group or kind not in ("Pod", "Secret", "Node"):
        raise BadRequest(f"cannot bind token to object of type {group}/{version.rpartition('/')[2]}, Kind={kind}")
    obj = await _object(core, f"{kind.lower()}s", "" if kind == "Node" else target.namespace, wanted)
    binding = await _pod(core, obj, target.name) if kind == "Pod" else Binding(node=obj) if kind == "Node" else Binding(secret=obj)
    said = ref.get("uid")
    if said and said != uid(obj):
        why = (
            f"the UID in the bound object reference ({said}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict(kind, wanted, why)
    return binding


async def _pod(core: Core, pod: Obj, account: str) -> Binding:
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName") != account:
        raise BadRequest(f'cannot bind token for serviceaccount "{account}" to pod running with different serviceaccount name.')
    node = spec.get("nodeName")
    if not node:
        return Binding(pod=pod)
    record = await core.store.get(f"nodes/{node}")
    return Binding(pod=pod, node=record.object() if record is not None else {"metadata": {"name": node}})
