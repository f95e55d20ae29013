"""The audit log: for each request that the policy wants recorded, an event per stage, a line of JSON each.

Made by the cluster when a policy and a log are given; else the server has none and pays nothing. `ApiServer` begins a `Trail` once it
knows who asks, and ends it with the answer; on the way the trail is told who is impersonated, what was decided, and which body was read.
Parts inside the process, which ask without HTTP, are recorded by their clients (`cluster.audited`) in the same form.
Source: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/; k8s.io/apiserver/pkg/audit, pkg/endpoints/filters/audit.go.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from wherry.api import timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.api.resources import TABLE
from wherry.registry.request import AUDITED
from wherry.rules.access.audit.policy import API_VERSION, LEVELS, Policy, Recording
from wherry.rules.access.rbac.request import Attributes, Decision
from wherry.rules.schema import decode
from wherry.server.call import Call
from wherry.server.reviews import user_info
from wherry.server.wire import JSON, TRAIL, Answer, Reply

_METADATA, _REQUEST, _RESPONSE = (LEVELS.index(level) for level in ("Metadata", "Request", "RequestResponse"))
_LONG_VERBS, _LONG_SUBRESOURCES = ("watch", "proxy"), ("attach", "exec", "log", "portforward", "proxy")
_LONGEST_AGENT = 1024
Write = Callable[[bytes], None]


class Inside(NamedTuple):
    """Who asks without HTTP: the user, and the name of its program."""

    user: User
    agent: str


class Audit:
    """`write` takes a line; `now` gives seconds since the epoch; `close` is called when the server has stopped."""

    def __init__(self, policy: Policy, write: Write, now: Callable[[], float], close: Callable[[], None] = lambda: None) -> None:
        self._policy, self._write, self._now = policy, write, now
        self.close = close

    def begin(self, call: Call, user: User | None, asked: Attributes, audit_id: str) -> Trail | None:
        """The trail of a request, None when the policy does not want it recorded. `user` None: nobody knows the credentials."""
        recording = self._policy.recording(user, asked)
        if recording.level < _METADATA:
            return None
        trail = Trail(self._write, self._now, recording, _head(call, user, asked, audit_id, recording), asked)
        if user is not None:
            call.request[TRAIL] = trail
            trail.received()
        return trail

    def begin_inside(self, who: Inside, asked: Attributes, uri: str) -> Trail | None:
        """The trail of a request of this process, None when the policy does not want it recorded."""
        recording = self._policy.recording(who.user, asked)
        if recording.level < _METADATA:
            return None
        event = _event(recording, asked, str(uuid.uuid4()), uri)
        event |= {"user": user_info(who.user), "sourceIPs": ["127.0.0.1"], "userAgent": who.agent}
        trail = Trail(self._write, self._now, recording, _about(event, asked), asked)
        trail.received()
        return trail

    def refuse(self, call: Call, asked: Attributes, audit_id: str, attempted: list[str]) -> None:
        """Records a request whose credentials nobody knows."""
        trail = self.begin(call, None, asked, audit_id)
        if trail is not None:
            trail.unauthorized(attempted)

    @staticmethod
    def end(request: web.BaseRequest, answer: Answer) -> None:
        if (trail := request.get(TRAIL)) is not None:
            trail.ended(answer)

    @staticmethod
    def panic(request: web.BaseRequest, error: Exception) -> None:
        """Something went wrong that is nobody's request's fault; nothing more is recorded."""
        if (trail := request.pop(TRAIL, None)) is not None:
            trail.panicked(error)

    @staticmethod
    def cut(request: web.BaseRequest) -> None:
        """The client is gone before the end."""
        if (trail := request.get(TRAIL)) is not None:
            trail.cut()


def _event(recording: Recording, asked: Attributes, audit_id: str, uri: str) -> Obj:
    return {
        "kind": "Event",
        "apiVersion": API_VERSION,
        "level": LEVELS[recording.level],
        "auditID": audit_id,
        "stage": "",
        "requestURI": uri,
        "verb": asked.verb,
    }


def _about(event: Obj, asked: Attributes) -> Obj:
    """With what it is about."""
    if asked.resource:
        parts = (
            ("resource", asked.resource), ("namespace", asked.namespace), ("name", asked.name), ("apiGroup", asked.group),
            ("apiVersion", asked.version), ("subresource", asked.subresource),
        )  # fmt: skip
        event["objectRef"] = {k: v for k, v in parts if v}
    return event


def _head(call: Call, user: User | None, asked: Attributes, audit_id: str, recording: Recording) -> Obj:
    event = _event(recording, asked, audit_id, call.request.raw_path)
    event["user"] = user_info(user) if user is not None else {}
    if addresses := _addresses(call):
        event["sourceIPs"] = addresses
    if agent := call.header("User-Agent"):
        event["userAgent"] = agent if len(agent) <= _LONGEST_AGENT else agent[:_LONGEST_AGENT] + "...TRUNCATED"
    return _about(event, asked)


def _addresses(call: Call) -> list[str]:
    """Those a proxy tells, then the one we see."""
    found = [part.strip() for part in call.header("X-Forwarded-For").split(",")]
    found.append(call.header("X-Real-Ip"))
    transport = call.request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    if peer:
        found.append(peer[0])
    return list(dict.fromkeys(address for address in found if address))


class Trail:
    """What becomes of one request."""

    def __init__(self, write: Write, now: Callable[[], float], recording: Recording, event: Obj, asked: Attributes) -> None:
        self._write, self._now, self._recording, self._event = write, now, recording, event
        self._begun = timestamps.micro_time(now())
        self._long = asked.verb in _LONG_VERBS or asked.subresource in _LONG_SUBRESOURCES
        self._annotations: dict[str, str] = {}
        AUDITED.set(self._annotations)  # admission annotates what it did
        self._code = 0

    # --- on the way ---
    def received(self) -> None:
        self._stage("RequestReceived")

    def impersonated(self, user: User, constraint: str) -> None:
        self._event["impersonatedUser"] = user_info(user)
        if constraint:
            self._event["authenticationMetadata"] = {"impersonationConstraint": constraint}

    def decided(self, decision: Decision) -> None:
        self._annotations["authorization.k8s.io/decision"] = "allow" if decision.allowed else "forbid"
        self._annotations["authorization.k8s.io/reason"] = decision.reason

    def body(self, content: bytes, content_type: str) -> None:
        """The handler read this body."""
        if not content:
            return
        value = _decoded(content, content_type)
        if not isinstance(value, (dict, list)):
            return
        if isinstance(value, dict):
            self._name(value.get("metadata"))
        if self._recording.level >= _REQUEST:
            self._event["requestObject"] = self._shown(value)

    def sent(self, value: Any) -> None:
        """The same of a request inside, whose body was never bytes."""
        if isinstance(value, dict):
            self._name(value.get("metadata"))
        if value is not None and self._recording.level >= _REQUEST:
            self._event["requestObject"] = self._shown(value)

    def _name(self, meta: Any) -> None:
        """What the path did not say about the object."""
        ref = self._event.get("objectRef")
        if ref is None or not isinstance(meta, dict):
            return
        for key in ("namespace", "name", "uid", "resourceVersion"):
            if isinstance(meta.get(key), str) and meta[key] and not ref.get(key):
                ref[key] = meta[key]

    def started(self, code: int = 200) -> None:
        """The head of the answer goes out; what comes may take long."""
        self._code = code
        if self._long:
            self._event["responseStatus"] = {"metadata": {}, "code": code}
            self._stage("ResponseStarted")

    # --- the end ---
    def unauthorized(self, attempted: list[str]) -> None:
        """Nobody knew the credentials: that is all there is to record."""
        how = f"Authentication failed, attempted: {', '.join(attempted)}" if attempted else "Authentication failed, no credentials provided"
        self._event["responseStatus"] = {"metadata": {}, "message": how, "code": 401}
        self._stage("ResponseStarted")

    def ended(self, answer: Answer) -> None:
        status: Obj = {"metadata": {}}
        if isinstance(answer, Reply):
            if self._long and not self._code:
                self.started(answer.code)
            value = _decoded(answer.body_bytes, answer.content) if self._wants(answer) else None
            if isinstance(value, dict) and value.get("kind") == "Status" and value.get("apiVersion") == "v1":
                status |= {k: value[k] for k in ("status", "message", "reason", "details") if k in value}
            if isinstance(value, dict) and self._recording.level >= _RESPONSE:
                self._event["responseObject"] = self._shown(value)
        self._event["responseStatus"] = {**status, "code": answer.code}
        self._stage("ResponseComplete")

    def answered(self, code: int, value: Any) -> None:
        """The end of a request inside."""
        status: Obj = {"metadata": {}}
        if isinstance(value, dict):
            if value.get("kind") == "Status" and value.get("apiVersion") == "v1":
                status |= {k: value[k] for k in ("status", "message", "reason", "details") if k in value}
            if self._recording.level >= _RESPONSE:
                self._event["responseObject"] = self._shown(value)
        self._event["responseStatus"] = {**status, "code": code}
        self._stage("ResponseComplete")

    def _wants(self, answer: Reply) -> bool:
        """Whether the answer is looked into: at the highest level, and for what its Status says."""
        if self._recording.level < _RESPONSE and answer.code < 300 and not answer.body_bytes.startswith(b'{"kind":"Status"'):
            return False
        return answer.content.startswith(JSON)

    def panicked(self, error: BaseException) -> None:
        self._event["responseStatus"] = {
            "metadata": {}, "status": "Failure", "message": f"APIServer panic'd: {error}", "reason": "InternalError", "code": 500,
        }  # fmt: skip
        self._stage("Panic")

    def cut(self) -> None:
        """The client went away."""
        if not self._code:
            self._event["responseStatus"] = {"metadata": {}, "status": "Success", "message": "Connection closed early", "code": 200}
        self._stage("ResponseComplete")

    def _shown(self, value: Any) -> Any:
        return _without_fields(value) if self._recording.omit_managed_fields else value

    def _stage(self, stage: str) -> None:
        if stage in self._recording.omit_stages:
            return
        times = {"requestReceivedTimestamp": self._begun, "stageTimestamp": timestamps.micro_time(self._now())}
        event = {**self._event, "stage": stage, **times}
        if self._annotations:
            event["annotations"] = self._annotations
        self._write(msgspec.json.encode(event) + b"\n")


def _decoded(content: bytes, content_type: str) -> Any:
    """JSON, YAML or protobuf of a built-in kind as a value, None for what is none of them."""
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        pass
    if "yaml" not in content_type and "protobuf" not in content_type:
        return None
    try:
        parsed = decode.parse(content, "application/yaml" if "yaml" in content_type else content_type)
        if parsed.message is None:
            return parsed.value
        kind = TABLE.by_kind(parsed.value.get("apiVersion", ""), parsed.value.get("kind", ""))
        return decode.decode(kind, parsed).obj if kind is not None else None
    except StatusError:
        return None


def _without_fields(value: Any) -> Any:
    """The object, or list of objects, without managedFields."""
    if not isinstance(value, dict):
        return value
    meta = value.get("metadata")
    if isinstance(meta, dict) and "managedFields" in meta:
        value = {**value, "metadata": {k: v for k, v in meta.items() if k != "managedFields"}}
    if isinstance(value.get("items"), list):
        value = {**value, "items": [_without_fields(item) for item in value["items"]]}
    return value
