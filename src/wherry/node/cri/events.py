"""What a container runtime tells of by itself: that something about a container changed, as its id.

Two streams are known: `GetContainerEvents` of the interface, and containerd's own for versions that lack it. Where there is neither,
nothing is told and the list has to be looked at more often. What happened exactly is asked for afterwards: events come before the runtime's
state is up to date. Source: KEP-3386 (evented PLEG); containerd's events service, of whose messages four fields are read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from wherry.kit.messages import classes
from wherry.node.cri.calls import CallFailed, Calls

_SUBSCRIBE = "/containerd.services.events.v1.Events/Subscribe"
#: an event: its topic and its body; the body of one about a task
_CONTAINERD = """
Envelope: topic=3:string event=4:Any
Any: type_url=1:string value=2:bytes
Task: container_id=1:string id=2:string
SubscribeRequest: filters=1:*string
"""
_TOPICS = ("/tasks/exit", "/tasks/oom")
#: of the runtime's containers, not of others that containerd keeps
_SPACE = "k8s.io"


class NoEvents(Exception):
    """The runtime has no stream that is known here."""


async def changed(calls: Calls) -> AsyncIterator[str]:
    """Ids of containers and sandboxes, "" once it listens. Ends or raises when the connection does. Raises NoEvents, Unavailable."""
    try:
        async for event in _of_interface(calls):
            yield event
        return
    except CallFailed as failed:
        if failed.code != "Unimplemented":
            raise
    try:
        async for event in _of_containerd(calls):
            yield event
    except CallFailed as failed:
        if failed.code == "Unimplemented":
            raise NoEvents from failed
        raise


async def _of_interface(calls: Calls) -> AsyncIterator[str]:
    async for event in calls.stream("GetContainerEvents"):
        yield event.container_id


async def _of_containerd(calls: Calls) -> AsyncIterator[str]:
    messages = classes(_CONTAINERD, "wherry.containerd")
    wanted = messages["SubscribeRequest"](filters=[f'topic=="{topic}",namespace=={_SPACE}' for topic in _TOPICS])
    async for raw in calls.raw_stream(_SUBSCRIBE, wanted.SerializeToString()):
        yield _container(messages, raw)


def _container(messages: Mapping[str, type], raw: bytes) -> str:
    """Of its first process; what becomes of programs beside it is nothing that is asked for."""
    envelope = messages["Envelope"].FromString(raw)  # type: ignore[attr-defined]
    task = messages["Task"].FromString(envelope.event.value)  # type: ignore[attr-defined]
    if envelope.topic not in _TOPICS or task.id not in ("", task.container_id):
        return ""
    return str(task.container_id)
