"""What an update of a pod may change: images, a shorter deadline, more tolerations, fewer scheduling gates, and where a gated pod goes.

Called through the pod's strategy, after the metadata's own update rule. Pure. The common case, an equal spec, costs one comparison.
Source: pkg/apis/core/validation ValidatePodUpdate, ValidatePodEphemeralContainersUpdate.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, index, invalid, required
from wherry.api.objects import Obj
from wherry.rules.schema.validation.pods.affinity_update import affinity_errors, selector_errors, without_node_affinity
from wherry.rules.texts.go_structs.internal_pod import containers_difference, spec_difference

_MIRROR = "kubernetes.io/config.mirror"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_MAX_DEADLINE = 2**31 - 1
_UPDATABLE = ",".join((
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
))


def annotation_changes(new: Obj, old: Obj) -> Errors:
    """Annotations that only a creator may write."""
    after, before = new["metadata"].get("annotations") or {}, old["metadata"].get("annotations") or {}
    if after == before:
        return []
    errors: Errors = []
    for key in [k for k in before if after.get(k) != before[k]] + [k for k in after if k not in before]:
        verb = "add" if key not in before else "remove or update"
        if key.startswith(_APP_ARMOR):
            errors.append(forbidden(f"metadata.annotations[{key}]", f"may not {verb} AppArmor annotations"))
        if key == _MIRROR:
            errors.append(forbidden(f"metadata.annotations[{key}]", f"may not {verb} mirror pod annotation"))
    return errors


def spec_changes(new: Obj, old: Obj) -> Errors:
    """Errors of the change of `.spec`."""
    after, before = new["spec"], old["spec"]
    if after == before:
        return []
    errors: Errors = []
    for kind in ("containers", "initContainers"):
        found, stop = _containers(after.get(kind) or [], before.get(kind) or [], f"spec.{kind}")
        errors += found
        if stop:
            return errors
    found, stop = _deadline(after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    errors += found
    if stop:
        return errors
    errors += _tolerations(after, before) + _gates(after, before)
    if before.get("schedulingGates"):
        errors += selector_errors(after, before) + affinity_errors(after, before)
    compared = _as_compared(after, before)
    if compared != before:
        difference = spec_difference(before, compared)
        if difference:
            errors.append(forbidden("spec", f"pod updates may not change fields other than {_UPDATABLE}\n{difference}"))
    return errors


def ephemeral_changes(new: Obj, old: Obj) -> Errors:
    """Errors of a write of `/ephemeralcontainers`: those that exist stay as they are."""
    if _MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods do not support ephemeral containers")]
    path = "spec.ephemeralContainers"
    after = {c.get("name"): c for c in new["spec"].get("ephemeralContainers") or ()}
    errors: Errors = []
    for was in old["spec"].get("ephemeralContainers") or ():
        name = was.get("name", "")
        if name not in after:
            errors.append(forbidden(path, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif after[name] != was:
            difference = containers_difference(was, after[name])
            errors.append(forbidden(path, f'existing ephemeral containers "{name}" may not be changed\n{difference}'))
    return errors


def _containers(new: list[Obj], old: list[Obj], path: str) -> tuple[Errors, bool]:
    if len(new) != len(old):
        return [forbidden(path, "pod updates may not add or remove containers")], True
    errors: Errors = []
    for i, container in enumerate(new):
        image, at = container.get("image") or "", child(index(path, i), "image")
        if not image:
            errors.append(required(at))
        if image.strip() != image:
            errors.append(invalid(at, image, "must not have leading or trailing whitespace"))
    return errors, False


def _deadline(new: int | None, old: int | None) -> tuple[Errors, bool]:
    """It may be set, and be made shorter."""
    path = "spec.activeDeadlineSeconds"
    if new is None:
        return ([] if old is None else [invalid(path, None, "must not update from a positive integer to nil value")]), False
    if not 0 <= new <= _MAX_DEADLINE:
        return [invalid(path, new, f"must be between 0 and {_MAX_DEADLINE}, inclusive")], True
    if old is not None and old < new:
        return [invalid(path, new, "must be less than or equal to previous value")], True
    return [], False


def _tolerations(new: Obj, old: Obj) -> Errors:
    """Those that exist stay, but for their seconds. What the new ones say is checked with the whole spec."""
    after = [_timeless(t) for t in new.get("tolerations") or ()]
    if all(_timeless(t) in after for t in old.get("tolerations") or ()):
        return []
    return [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")]


def _timeless(toleration: Obj) -> Obj:
    return {k: v for k, v in toleration.items() if k != "tolerationSeconds"}


def _gates(new: Obj, old: Obj) -> Errors:
    before = {g.get("name") for g in old.get("schedulingGates") or ()}
    added = {g.get("name", ""): i for i, g in enumerate(new.get("schedulingGates") or ()) if g.get("name") not in before}
    text = "only deletion is allowed, but found new scheduling gate"
    return [forbidden(f"spec.schedulingGates[{i}].name", f"{text} '{name}'") for name, i in added.items()]


def _as_compared(new: Obj, old: Obj) -> Obj:
    """The new spec with the old values of what may change."""
    kept = {k: old.get(k) for k in ("activeDeadlineSeconds", "schedulingGates", "tolerations")}
    for kind in ("containers", "initContainers"):
        pairs = zip(new.get(kind) or (), old.get(kind) or (), strict=True)
        kept[kind] = [{**a, "image": b.get("image")} for a, b in pairs] or None
    grace = old.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and new.get("terminationGracePeriodSeconds") == 1:
        kept["terminationGracePeriodSeconds"] = grace
    if old.get("schedulingGates"):
        kept["nodeSelector"] = old.get("nodeSelector")
        kept["affinity"] = without_node_affinity(new, old)
    merged = {**new, **kept}
    return {k: v for k, v in merged.items() if v is not None}
