"""Metadata that every kind has: what a client may say of it, and what only the system sets.

Source: k8s.io/apiserver/pkg/registry/rest/{meta,create,update}.go; endpoints/handlers/rest.go (dedupOwnerReferencesAndAddWarning).
"""

from __future__ import annotations

from wherry.api import errors
from wherry.api.errors import Cause, Conflict, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.core import MAX_GENERATED_PREFIX
from wherry.registry.verbs.write import Write
from wherry.registry.versions import bodies
from wherry.rules.objects.ownership import without_duplicates
from wherry.rules.writing.managed_fields import keep_times

#: where the reference keeps what is not kept under its plural; this shows in one message
_PREFIXES = {
    "replicationcontrollers": "controllers", "endpoints": "services/endpoints", "services": "services/specs", "nodes": "minions",
    "ingresses": "ingress",
}  # fmt: skip
_GROUPED = ("apiextensions.k8s.io", "apiregistration.k8s.io")
_DUPLICATES = (
    "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; "
    "duplicate UID(s) observed: "
)
#: what nobody says of a new object
_WIPED = ("creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


def place(write: Write) -> None:
    """The object is the one that the path names; what only the system says of a new one is wiped. Raises BadRequest."""
    meta = write.draft["metadata"]
    for field in _WIPED:
        meta.pop(field, None)
    bodies.check_name(write.draft, write.target)
    write.name = meta.get("name", "")


def drop_duplicate_owners(write: Write) -> None:
    """Equal ownerReferences are one, of what was sent."""
    _drop_duplicates(write, "")


def drop_duplicate_owners_again(write: Write) -> None:
    """And of what a patch, a policy or a webhook made of it."""
    _drop_duplicates(write, " after mutating admission happens")


def _drop_duplicates(write: Write, when: str) -> None:
    owners = write.draft["metadata"].get("ownerReferences")
    if owners is None or len(owners) < 2:
        return
    kept, dropped = without_duplicates(owners)
    if dropped:
        write.draft["metadata"]["ownerReferences"] = kept
        write.warnings.append(f".metadata.ownerReferences contains duplicate entries{when}; {_DUPLICATES}{', '.join(dropped)}")


def track(write: Write) -> None:
    """metadata.managedFields: who owns which field after this write (KEP-555)."""
    write.view.track(write)


def name_and_date(write: Write) -> None:
    """uid, creationTimestamp, and a name where only its beginning was given."""
    meta, core = write.draft["metadata"], write.core
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"][:MAX_GENERATED_PREFIX] + core.suffix()
        write.named = True
    meta["uid"] = core.new_uid()
    meta["creationTimestamp"] = core.timestamp()


def check_version(write: Write) -> None:
    """A resourceVersion is a precondition, which some kinds insist on. Raises Invalid, Conflict; 500 for one that is no number."""
    meta, was = write.draft["metadata"], (write.old or {})["metadata"]
    version = meta.get("resourceVersion", "")
    if not version or version == "0":
        if not write.strategy.unconditional_update:
            what = "Invalid value: 0: must be specified for an update"
            cause = Cause("FieldValueInvalid", what, "metadata.resourceVersion")
            # the reference names the resource where its kind belongs
            raise errors.invalid(write.resource.group_resource, was["name"], [cause])
    elif not (version.isascii() and version.isdigit()):
        raise StatusError(f'strconv.ParseUint: parsing "{version}": invalid syntax', code=500)
    elif version != was["resourceVersion"]:
        raise errors.conflict(write.resource.group_resource, was["name"], errors.MODIFIED)
    meta["resourceVersion"] = was["resourceVersion"]


def keep_generation(write: Write) -> None:
    """Before the kind's rules, which raise it: nobody else says what it is."""
    _take(write.draft["metadata"], "generation", (write.old or {})["metadata"].get("generation"))


def keep_identity(write: Write) -> None:
    """What an update cannot change, where it says nothing of it; that it says something else is found by validation."""
    meta, was = write.draft["metadata"], (write.old or {})["metadata"]
    if not meta.get("uid"):
        meta["uid"] = was["uid"]
    # changes of these two are ignored, and of the third a removal is
    if was.get("creationTimestamp"):
        meta["creationTimestamp"] = was["creationTimestamp"]
    if was.get("deletionTimestamp"):
        meta["deletionTimestamp"] = was["deletionTimestamp"]
    if meta.get("deletionGracePeriodSeconds") is None:
        _take(meta, "deletionGracePeriodSeconds", was.get("deletionGracePeriodSeconds"))


def _take(meta: Obj, field: str, value: object) -> None:
    if value is None:
        meta.pop(field, None)
    else:
        meta[field] = value


def forget_new_times(write: Write) -> None:
    """A change of nothing but the times in managedFields is no change: then the draft is what was there."""
    old = write.old or {}
    draft = keep_times(old, write.draft)
    write.draft = old if draft == old else draft


def check_uid(write: Write, sent: str) -> None:
    """The uid of a replaced object is a precondition of storage. Raises Conflict."""
    was = (write.old or {"metadata": {"uid": ""}})["metadata"]
    if sent and sent != was["uid"]:
        raise other_uid(write.resource, write.namespace, write.target.name, sent, was["uid"])


def other_uid(resource: Resource, namespace: str, name: str, wanted: str, uid: str) -> Conflict:
    grouped = resource.custom is not None or resource.group in _GROUPED
    at = f"{resource.group}/{resource.plural}" if grouped else _PREFIXES.get(resource.plural, resource.plural)
    at = "/".join(x for x in ("/registry", at, namespace, name) if x)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {at}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        f"UID in precondition: {wanted}, UID in object meta: {uid}"
    )
    return errors.conflict(resource.group_resource, name, why)
