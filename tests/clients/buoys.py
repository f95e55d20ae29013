"""An operator that uses what kopf has besides handlers of changes: webhooks of its own, a timer, a daemon and events.

Run by `test_kopf_operator.py` as `kopf run buoys.py`, with the folder of its server's certificate in $BUOYS_CERTIFICATE.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import kopf


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    folder = Path(os.environ["BUOYS_CERTIFICATE"])
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1", host="127.0.0.1", cafile=folder / "ca.crt", certfile=folder / "buoys.crt", pkeyfile=folder / "buoys.key"
    )
    settings.admission.managed = "auto.buoys.example.com"


@kopf.on.mutate("example.com", "v1", "buoys", operation="CREATE")
def paint(spec: kopf.Spec, patch: kopf.Patch, **_: Any) -> None:
    if "colour" not in spec:
        patch.spec["colour"] = "red"


@kopf.on.validate("example.com", "v1", "buoys")
def measure(spec: kopf.Spec, **_: Any) -> None:
    if spec.get("depth", 0) > 100:
        raise kopf.AdmissionError("the chain is 100 long", code=422)


@kopf.on.resume("example.com", "v1", "buoys")
def resume(patch: kopf.Patch, **_: Any) -> None:
    patch.status["resumed"] = True


@kopf.timer("example.com", "v1", "buoys", interval=0.2)
def blink(status: kopf.Status, patch: kopf.Patch, **_: Any) -> None:
    patch.status["blinks"] = status.get("blinks", 0) + 1


@kopf.daemon("example.com", "v1", "buoys", cancellation_timeout=5.0)
async def guard(body: kopf.Body, **_: Any) -> None:
    kopf.info(body, reason="Guarded", message="somebody looks after it")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        kopf.warn(body, reason="Alone", message="nobody does any more")
