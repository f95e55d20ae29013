"""A node affinity in a configuration: its fields, then its values by the rule of pod specs.

Called by `arguments` for NodeAffinityArgs.addedAffinity.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.configuration.fields import Fields
from wherry.rules.schema.validation.pods.affinity import affinity

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def node_affinity(args: Fields, name: str) -> Obj | None:
    before = len(args.faults)
    given = args.within(name, (_REQUIRED, _PREFERRED))
    required = given.within(_REQUIRED, ("nodeSelectorTerms",))
    for path, item in required.items("nodeSelectorTerms"):
        _term(item, path, given)
    for path, item in given.items(_PREFERRED):
        entry = Fields(item, path, ("weight", "preference"), given.faults)
        entry.integer("weight", 0)
        _term(entry.raw("preference"), entry.at("preference"), given)
    value = args.raw(name)
    if value is None or len(args.faults) > before:
        return None
    for cause in affinity({"nodeAffinity": value}, ""):
        args.faults.add(f"{args.path}.{cause.field.replace('nodeAffinity', name, 1)}", cause.message)
    return value if len(args.faults) == before else None


def _term(value: object, path: str, given: Fields) -> None:
    term = Fields(value, path, ("matchExpressions", "matchFields"), given.faults)
    for name in ("matchExpressions", "matchFields"):
        for at, item in term.items(name):
            requirement = Fields(item, at, ("key", "operator", "values"), given.faults)
            requirement.text("key")
            requirement.text("operator")
            for where, listed in requirement.items("values"):
                if not isinstance(listed, str):
                    given.faults.add(where, "must be a string")
