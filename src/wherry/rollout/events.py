"""An event about a workload, written at once: what a command did to it, for `kubectl describe` and `events`.

Called by the guard and by commands that act on their own judgement. An event is never worth a failure: what refuses it is passed over.
"""

from __future__ import annotations

import logging

from wherry.api import timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj, name, namespace, reference
from wherry.client.protocol import Client
from wherry.rollout.targets import EVENTS

log = logging.getLogger(__name__)


async def tell(client: Client, about: Obj, kind: str, reason: str, message: str, now: float, component: str) -> None:
    """`kind`: Normal or Warning. `now`: seconds since 1970."""
    at = timestamps.time(now)
    event = {"kind": "Event", "apiVersion": "v1", "metadata": {"name": f"{name(about)}.{int(now * 1e9):x}", "namespace": namespace(about)},
             "involvedObject": reference(about), "reason": reason, "message": message[:1024], "source": {"component": component},
             "firstTimestamp": at, "lastTimestamp": at, "count": 1, "type": kind, "eventTime": None, "reportingComponent": component,
             "reportingInstance": ""}
    try:
        await client.create(EVENTS, namespace(about), event)
    except StatusError as error:
        log.debug("event %s about %s not recorded: %s", reason, name(about), error.message)
