"""Asks the conversion webhook of a custom kind for objects in another version.

Called by `custom_versions`, with the first object that needs it; admission webhooks go the same way outside. Objects that a request needs
converted go in one call.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go.
"""

from __future__ import annotations

import msgspec

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.registry.core import Core
from wherry.registry.outside import targets
from wherry.registry.outside.calls import CallFailed
from wherry.rules.custom.conversion import BadAnswer, answers, result, review
from wherry.rules.custom.kind import CustomKind

#: seconds for one answer
TIMEOUT = 30


async def convert(core: Core, kind: CustomKind, objs: list[Obj], wanted: str) -> list[Obj]:
    """The objects in the version `wanted`, in the same order. Raises StatusError (500) that says what the webhook did wrong."""
    webhook = kind.conversion.get("webhook") or {}
    what = f"conversion webhook for {objs[0]['apiVersion']}, Kind={kind.kind}"
    sent = review(objs, wanted, webhook.get("conversionReviewVersions") or ("v1",), core.new_uid())
    call = core.outside.call
    if call is None:
        raise StatusError(f"{what} failed: this cluster has no way to call webhooks", code=500)
    try:
        target = await targets.call(core.store, webhook.get("clientConfig") or {}, msgspec.json.encode(sent), TIMEOUT)
        got = msgspec.json.decode(await call(target))
        return [result(before, after) for before, after in zip(objs, answers(sent, got, kind.kind), strict=True)]
    except (CallFailed, msgspec.DecodeError) as error:
        raise StatusError(f"{what} failed: {error}", code=500) from None
    except BadAnswer as error:
        raise StatusError(f"{what} {error}", code=500) from None
