"""By which of the engine's ways a pod is run: the handler of its RuntimeClass. Called by the runtime before a pod is run.

Source: https://kubernetes.io/docs/concepts/containers/runtime-class/; pkg/kubelet/runtimeclass/runtimeclass_manager.go.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.node.engine import StartFailed

_CLASSES = resource("runtimeclasses", "node.k8s.io")


async def handler_of(client: Client, pod: Obj) -> str:
    """"" for the engine's default. Raises StartFailed when there is no such class, StatusError."""
    called = pod["spec"].get("runtimeClassName") or ""
    if not called:
        return ""
    try:
        return str((await client.get(_CLASSES, "", called))["handler"])
    except NotFound as error:
        raise StartFailed("CreatePodSandboxError", f'failed to get sandbox runtime: RuntimeClass "{called}" not found') from error
