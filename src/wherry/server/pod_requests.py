"""Requests for the logs of a pod's containers, which are handed to the `NodeGateway`.

Called by `resources`.
Source: pkg/registry/core/pod/strategy.go (which container is meant), pkg/apis/core/validation ValidatePodLogOptions,
pkg/kubelet/kubelet_pods.go validateContainerLogStatus.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from wherry.api import field, timestamps
from wherry.api.errors import BadRequest, StatusError, invalid
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.server import log_streams
from wherry.server.call import Call
from wherry.server.gateway import LogOptions, NodeGateway
from wherry.server.log_streams import LogStream
from wherry.server.parameters import Parameters
from wherry.server.watching import until
from wherry.server.wire import TEXT, Answer, Reply, Server

_STREAMS = ("All", "Stdout", "Stderr")
#: reason of waiting -> how the kubelet words it
_WAITING = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


def _names(containers: list[Obj] | None) -> list[str]:
    return [c["name"] for c in containers or ()]


def container_of(pod: Obj, asked: str) -> str:
    """The container that a request is about. Raises BadRequest when it must be named or is not there."""
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    main, init, ephemeral = _names(spec.get("containers")), _names(spec.get("initContainers")), _names(spec.get("ephemeralContainers"))
    if asked:
        if asked not in (*main, *init, *ephemeral):
            raise BadRequest(f"container {asked} is not valid for pod {pod_name}")
        return asked
    if len(main) == 1:
        return main[0]
    text = f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(main)}]"
    if init:
        text += f" or one of the init containers: [{' '.join(init)}]"
    raise BadRequest(text)


def log_options(p: Parameters, pod_name: str) -> LogOptions:
    """Raises BadRequest, Invalid."""
    since = p.text("sinceTime")
    try:
        since_time = timestamps.parse(since) if since else None
    except ValueError:
        raise BadRequest(f'parsing time "{since}" as "2006-01-02T15:04:05Z07:00": cannot parse it') from None
    options = LogOptions(
        bool(p.flag("follow")), bool(p.flag("previous")), p.integer("sinceSeconds"), since_time, bool(p.flag("timestamps")),
        p.integer("tailLines"), p.integer("limitBytes"), p.text("stream") or "All",
    )  # fmt: skip
    errors = _log_errors(options)
    if errors:
        raise invalid("PodLogOptions", pod_name, errors)
    return options


def _log_errors(options: LogOptions) -> Errors:
    errors: Errors = []
    if options.tail_lines is not None and options.tail_lines < 0:
        errors.append(field.invalid("tailLines", options.tail_lines, "must be greater than or equal to 0"))
    if options.limit_bytes is not None and options.limit_bytes < 1:
        errors.append(field.invalid("limitBytes", options.limit_bytes, "must be greater than 0"))
    if options.since_seconds is not None and options.since_time is not None:
        errors.append(field.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif options.since_seconds is not None and options.since_seconds < 1:
        errors.append(field.invalid("sinceSeconds", options.since_seconds, "must be greater than 0"))
    if options.stream not in _STREAMS:
        errors.append(field.not_supported("stream", options.stream, _STREAMS))
    return errors


def check_state(pod: Obj, container: str, *, previous: bool) -> None:
    """Whether there can be a log, as the kubelet sees it. Raises BadRequest."""
    status, where = pod.get("status") or {}, f'container "{container}" in pod "{pod["metadata"]["name"]}"'
    fields = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    found = next((s for name in fields for s in status.get(name) or () if s["name"] == container), None)
    if found is None:
        raise BadRequest(f"{where} is not available")
    state, last = found.get("state") or {}, found.get("lastState") or {}
    if previous:
        if not last.get("terminated"):
            raise BadRequest(f"previous terminated {where} not found")
        return
    if state.get("running") is not None or state.get("terminated") is not None or last.get("terminated") is not None:
        return
    if (waiting := state.get("waiting")) is None:
        raise BadRequest(f"{where} is waiting to start - no logs yet")
    reason = waiting.get("reason", "")
    raise BadRequest(f"{where} is waiting to start: {_WAITING.get(reason, reason)}")


async def logs(server: Server, call: Call, pod: Obj, gateway: NodeGateway, common: bytes) -> Answer:
    """Streams a container's log. Errors that show with the first piece are plain error replies."""
    p = call.parameters
    options = log_options(p, pod["metadata"]["name"])
    container = container_of(pod, p.text("container"))
    if not pod["spec"].get("nodeName"):
        return Reply(204, b"", "")  # a pod that is on no node yet has no log, and that is no error
    check_state(pod, container, previous=options.previous)
    pieces = gateway.logs(pod, container, options)
    first = await anext(pieces, b"")
    end = server.until_gone(call.request)
    try:
        stream = await log_streams.opened(call, TEXT, common)
        await until(end, _copy(stream, first, pieces))
        return stream
    finally:
        server.release(call.request, end)


async def _copy(stream: LogStream, first: bytes, pieces: AsyncIterator[bytes]) -> None:
    try:
        await stream.chunk(first)
        # an error after the head is sent can only end the stream, as a broken node connection does
        with suppress(StatusError):
            async for piece in pieces:
                await stream.chunk(piece)
    finally:
        closing = getattr(pieces, "aclose", None)
        if closing is not None:
            await closing()
