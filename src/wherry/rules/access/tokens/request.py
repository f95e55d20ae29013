"""A TokenRequest: its defaults, its errors, and how long the token is really good.

Called by the `token` subresource of service accounts.
Source: pkg/apis/authentication/v1/defaults.go, validation/validation.go; pkg/registry/core/serviceaccount/storage/token.go.
"""

from __future__ import annotations

from wherry.api import field
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.access.tokens.claims import Binding, Life

SHORTEST, LONGEST, USUAL = 600, 1 << 32, 3600
#: what the admission of pods asks for in their projected volumes: such a token lives longer, for programs that never read it again
PROJECTED, EXTENDED = 3607, 365 * 24 * 3600


def default(request: Obj) -> None:
    """Fills in the draft."""
    spec = request.setdefault("spec", {})
    if spec.get("expirationSeconds") is None:
        spec["expirationSeconds"] = USUAL


def validate(request: Obj) -> Errors:
    seconds, path = request["spec"]["expirationSeconds"], "spec.expirationSeconds"
    if seconds < SHORTEST:
        return [field.invalid(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > LONGEST:
        return [field.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def life(request: Obj, binding: Binding, now: float, own_audiences: tuple[str, ...]) -> Life:
    spec = request["spec"]
    seconds = spec["expirationSeconds"]
    if binding.pod is not None and seconds == PROJECTED and set(spec["audiences"]) <= set(own_audiences):
        return Life(now, EXTENDED, seconds)
    return Life(now, seconds)
