"""AppArmor profiles as annotations once said them.

Called when a pod is prepared and by the warnings of templates. Pure.
Source: KEP-24 (AppArmor), pkg/api/pod/util.go ApparmorFieldForAnnotation.
"""

from __future__ import annotations

from wherry.api.objects import Obj

PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_LOCALHOST = "localhost/"
_TYPES = {"unconfined": "Unconfined", "runtime/default": "RuntimeDefault"}
_MAX_NAME = 4095


def profile_annotation(container: Obj) -> str:
    return PREFIX + str(container.get("name") or "")


def from_annotation(text: str) -> Obj | None:
    """The field that says the same; None for a text that says nothing."""
    if text in _TYPES:
        return {"type": _TYPES[text]}
    name = text.removeprefix(_LOCALHOST)
    return {"type": "Localhost", "localhostProfile": name} if name and name != text else None


def valid_profile(profile: Obj) -> bool:
    """A local profile has a name without blanks around it and not too long."""
    if profile["type"] != "Localhost":
        return True
    name: str = profile.get("localhostProfile") or ""
    return bool(name) and name == name.strip() and len(name.encode()) <= _MAX_NAME
