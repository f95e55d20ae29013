"""The printers of all built-in kinds, by group and kind. Imported by `tables` when the first Table is asked for."""

from __future__ import annotations

from wherry.rules.showing.tables import (
    access,
    admission,
    batch,
    core,
    devices,
    event,
    networking,
    node,
    pod,
    priority,
    scaling,
    services,
    storage,
    volumes,
    workloads,
)
from wherry.rules.showing.tables.column import Printer

_AREAS = (access, admission, batch, core, devices, event, networking, node, pod, priority, scaling, services, storage, volumes, workloads)
PRINTERS: dict[str, Printer] = {kind: printer for area in _AREAS for kind, printer in area.PRINTERS.items()}
