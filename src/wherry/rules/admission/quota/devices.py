"""What ResourceClaims use: a count, and devices by class, as many as a claim may get at worst.

Source: pkg/quota/v1/evaluator/core/resource_claims.go. Claims made for extended resources of pods are charged like any other.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts
from wherry.rules.admission.quota.evaluator import Evaluator, counted_as, on_write

_COUNT = counted_as("resourceclaims.resource.k8s.io")
_BY_CLASS = ".deviceclass.resource.k8s.io/devices"
#: what a request for all devices of a node may get
_ALL = 32


def _matches(name: str) -> bool:
    return name == _COUNT or name.endswith(_BY_CLASS)


def _devices(request: Obj) -> tuple[str, int]:
    mode = request.get("allocationMode", "")
    number = int(request.get("count", 0)) if mode == "ExactCount" else _ALL if mode == "All" else 0
    return f"{request.get('deviceClassName', '')}{_BY_CLASS}", number


def _usage(claim: Obj, now: float) -> Amounts:
    numbers: dict[str, int] = {}
    for request in ((claim.get("spec") or {}).get("devices") or {}).get("requests") or ():
        most: dict[str, int] = {}
        for choice in request.get("firstAvailable") or ([request["exactly"]] if request.get("exactly") else ()):
            name, number = _devices(choice)
            most[name] = max(most.get(name, 0), number)
        for name, number in most.items():
            numbers[name] = numbers.get(name, 0) + number
    return {_COUNT: "1", **{name: str(number) for name, number in numbers.items()}}


CLAIMS = Evaluator("resourceclaims.resource.k8s.io", _matches, _usage, on_write)
