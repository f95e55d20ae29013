"""The strategy of CertificateSigningRequests.

Read by the registry through `STRATEGIES`. Admission writes the requesting user into spec (username, uid, groups, extra) and reads the
PKCS#10 request; the registry writes times into conditions (`wherry.rules.kinds.times`).
Source: pkg/registry/certificates/certificates/strategy.go, pkg/apis/certificates/validation.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_supported, required, show, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import NameRule, dns1123_label, dns1123_subdomain, length
from wherry.rules.objects.strategy import Strategy, keep_spec
from wherry.rules.schema.validation.config import decoded

_USAGES = ("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
           "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
           "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping")
_DECISIONS = ("Approved", "Denied")
_GUARDED = ("Approved", "Denied", "Failed")
_PATH = "status.conditions"


def _default(draft: Obj) -> None:
    draft.setdefault("spec", {})
    draft.setdefault("status", {})


def _new(draft: Obj) -> None:
    draft["status"] = {}


def _update(draft: Obj, old: Obj) -> None:
    for name in ("spec", "status"):
        draft[name] = old.get(name) or {}


def _status(draft: Obj, old: Obj) -> None:
    """`/status` leaves decisions as they are."""
    keep_spec(draft, old)
    before = (old.get("status") or {}).get("conditions") or []
    conditions = list((draft.get("status") or {}).get("conditions") or [])
    for decision in _DECISIONS:
        was = [c for c in before if c.get("type") == decision]
        at = [i for i, c in enumerate(conditions) if c.get("type") == decision]
        if len(was) == len(at):
            for i, condition in zip(at, was, strict=True):
                conditions[i] = condition
    if conditions:
        draft["status"] = {**(draft.get("status") or {}), "conditions": conditions}


def prepare_approval(draft: Obj, old: Obj) -> None:
    """Before a write of `/approval`, which changes only conditions."""
    conditions = (draft.get("status") or {}).get("conditions")
    keep_spec(draft, old)
    status = {k: v for k, v in (old.get("status") or {}).items() if k != "conditions"}
    draft["status"] = {**status, "conditions": conditions} if conditions else status


def _validate(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    usages, seconds = spec.get("usages") or [], spec.get("expirationSeconds")
    errors: Errors = []
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in decoded(spec.get("request")):
        errors.append(invalid("spec.request", spec.get("request"), "PEM block type must be CERTIFICATE REQUEST"))
    if not usages:
        errors.append(required("spec.usages"))
    errors += [not_supported(index("spec.usages", i), u, _USAGES) for i, u in enumerate(usages) if u not in _USAGES]
    errors += [duplicate(index("spec.usages", i), u) for i, u in enumerate(usages) if u in usages[:i]]
    errors += _signer(spec.get("signerName") or "", "spec.signerName")
    if seconds is not None and seconds < 600:
        errors.append(invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"))
    status = obj.get("status") or {}
    return errors + _conditions(status.get("conditions") or []) + _certificate(status.get("certificate"))


def _certificate(content: str | None) -> Errors:
    if not content:
        return []
    from wherry.rules.access.csr.certificate_text import fault

    why = fault(decoded(content))
    return [invalid("status.certificate", "<certificate data>", why)] if why else []


def _signer(name: str, path: str) -> Errors:
    if not name:
        return [required(path)]
    if name == "kubernetes.io/legacy-unknown":
        return [invalid(path, name, "the legacy signerName is not allowed via this API version")]
    segments = name.split("/")
    if len(segments) != 2:
        return [invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")]
    domain, rest = segments
    errors: Errors = [too_long(path, 253)] if length(domain) > 253 else []
    errors += _first_bad(domain, dns1123_label, path)
    if "." not in domain:
        errors.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    errors += _first_bad(rest, dns1123_subdomain, path)
    return errors + ([too_long(path, 571)] if length(name) > 571 else [])


def _first_bad(dotted: str, rule: NameRule, path: str) -> Errors:
    """Of parts between dots the first that is wrong."""
    for part in dotted.split("."):
        if messages := rule(part):
            return [invalid(path, dotted, f"validating label {show(part)}: {m}") for m in messages]
    return []


def _conditions(conditions: list[Obj]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, condition in enumerate(conditions):
        at, type_, status = index(_PATH, i), condition.get("type") or "", condition.get("status") or ""
        if not type_:
            errors.append(required(child(at, "type")))
        allowed = ("True",) if type_ in _GUARDED else ("False", "True", "Unknown")
        if not status:
            errors.append(required(child(at, "status")))
        elif status not in allowed:
            errors.append(not_supported(child(at, "status"), status, allowed))
        if type_ in _DECISIONS and seen & (set(_DECISIONS) - {type_}):
            errors.append(invalid(_PATH, type_, "Approved and Denied conditions are mutually exclusive"))
        if type_ in seen:
            errors.append(duplicate(child(at, "type"), type_))
        seen.add(type_)
    return errors


def _unchanged(new: Obj, old: Obj) -> Errors:
    """Conditions that decide may not go."""
    now = {c.get("type") for c in (new.get("status") or {}).get("conditions") or ()}
    was = [c.get("type") for c in (old.get("status") or {}).get("conditions") or ()]
    return [forbidden(_PATH, f'updates may not remove a condition of type "{t}"') for t in _GUARDED if t in was and t not in now]


def _update_errors(new: Obj, old: Obj) -> Errors:
    return _validate(new) + _unchanged(new, old)


def _status_errors(new: Obj, old: Obj) -> Errors:
    errors = _validate(new) + _unchanged(new, old)
    now = {c.get("type") for c in (new.get("status") or {}).get("conditions") or ()}
    was = {c.get("type") for c in (old.get("status") or {}).get("conditions") or ()}
    errors += [forbidden(_PATH, f'updates may not add a condition of type "{t}"') for t in _DECISIONS if t in now - was]
    before, certificate = (old.get("status") or {}).get("certificate"), (new.get("status") or {}).get("certificate")
    if before and before != certificate:
        errors.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return errors


STRATEGIES: dict[str, Strategy] = {
    "CertificateSigningRequest.certificates.k8s.io": Strategy(
        default=_default,
        prepare_create=_new,
        prepare_update=_update,
        prepare_status=_status,
        validate=_validate,
        validate_update=_update_errors,
        validate_status=_status_errors,
        name_rule="any",
        fields={"spec.signerName": lambda o: (o.get("spec") or {}).get("signerName", "")},
    ),
}
