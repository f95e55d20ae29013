"""Rows of priority classes, flow schemas and priority levels. Called through `tables.row`.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj, condition
from wherry.rules.showing.tables.cells import NONE, age, name, part, spec
from wherry.rules.showing.tables.column import AGE, NAME, Printer, boolean, doc, integer, text


def _priority_class(obj: Obj, now: float) -> list[Any]:
    return [name(obj), obj.get("value", 0), bool(obj.get("globalDefault")), age(obj, now), obj.get("preemptionPolicy") or ""]


def _flow_schema(obj: Obj, now: float) -> list[Any]:
    method, dangling = spec(obj).get("distinguisherMethod"), condition(obj, "Dangling")
    return [name(obj), part(obj, "spec", "priorityLevelConfiguration").get("name", ""), spec(obj).get("matchingPrecedence", 0),
            NONE if method is None else method.get("type", ""), age(obj, now),
            "?" if dangling is None else dangling.get("status", "")]  # fmt: skip


def flow_order(obj: Obj) -> tuple[int, str]:
    """Flow schemas are listed in the order in which they match."""
    return spec(obj).get("matchingPrecedence", 0), name(obj)


def _priority_level(obj: Obj, now: float) -> list[Any]:
    limited = spec(obj).get("limited")
    queuing = part(limited or {}, "limitResponse").get("queuing")
    queues = [NONE] * 3 if queuing is None else [queuing.get(k, 0) for k in ("queues", "handSize", "queueLengthLimit")]
    shares = NONE if limited is None else limited.get("nominalConcurrencyShares", 0)
    return [name(obj), spec(obj).get("type", ""), shares, *queues, age(obj, now)]


_FLOW, _CLASS = "flowcontrol.v1", "scheduling.v1.PriorityClass"
PRINTERS = {
    "PriorityClass.scheduling.k8s.io": Printer(
        (
            NAME,
            integer("Value", doc(_CLASS, "value")),
            boolean("Global-Default", doc(_CLASS, "globalDefault")),
            AGE,
            text("PreemptionPolicy", doc(_CLASS, "preemptionPolicy")),
        ),
        _priority_class,
    ),
    "FlowSchema.flowcontrol.apiserver.k8s.io": Printer(
        (
            NAME,
            text("PriorityLevel", doc(f"{_FLOW}.PriorityLevelConfigurationReference", "name")),
            text("MatchingPrecedence", doc(f"{_FLOW}.FlowSchemaSpec", "matchingPrecedence")),
            text("DistinguisherMethod", doc(f"{_FLOW}.FlowSchemaSpec", "distinguisherMethod")),
            AGE,
            text("MissingPL", "references a broken or non-existent PriorityLevelConfiguration"),
        ),
        _flow_schema,
        order=flow_order,
    ),
    "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io": Printer(
        (
            NAME,
            text("Type", doc(f"{_FLOW}.PriorityLevelConfigurationSpec", "type")),
            text("NominalConcurrencyShares", doc(f"{_FLOW}.LimitedPriorityLevelConfiguration", "nominalConcurrencyShares")),
            text("Queues", doc(f"{_FLOW}.QueuingConfiguration", "queues")),
            text("HandSize", doc(f"{_FLOW}.QueuingConfiguration", "handSize")),
            text("QueueLengthLimit", doc(f"{_FLOW}.QueuingConfiguration", "queueLengthLimit")),
            AGE,
        ),
        _priority_level,
    ),
}
