"""What a request may say beside its object: the options of writes, deletes, lists and watches, and who asks.

Source: the query parameters of the Kubernetes API (https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wherry.api.resources import Resource

PatchType = Literal[
    "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"
]
JSON_PATCH: PatchType = "application/json-patch+json"
MERGE_PATCH: PatchType = "application/merge-patch+json"
STRATEGIC_PATCH: PatchType = "application/strategic-merge-patch+json"
APPLY_PATCH: PatchType = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Query parameters of a write. Without `field_manager` the part of `user_agent` before "/" names the manager."""

    field_manager: str = ""
    user_agent: str = ""
    dry_run: bool = False
    field_validation: str = ""  # "", "Strict", "Warn", "Ignore"
    force: bool = False  # server-side apply only
    #: the object comes from a component of ours and is already decoded: well-typed, pruned, no zero values, defaulted
    trusted: bool = False

    @property
    def manager(self) -> str:
        return self.field_manager or self.user_agent.split("/", 1)[0][:128] or "unknown"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    grace_period_seconds: int | None = None
    propagation_policy: str = ""  # "", "Orphan", "Background", "Foreground"
    uid: str = ""  # precondition
    resource_version: str = ""  # precondition
    dry_run: bool = False


DEFAULT_WRITE = WriteOptions()
DEFAULT_DELETE = DeleteOptions()


@dataclass(frozen=True, slots=True)
class ListOptions:
    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    resource_version_match: str = ""  # "", "Exact", "NotOlderThan"
    send_initial_events: bool | None = None  # for watches only: refused here


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """`resource_version` "" or "0": first an ADDED event for everything there is (any recent state), then what changes."""

    resource_version: str = ""
    resource_version_match: str = ""
    label_selector: str = ""
    field_selector: str = ""
    allow_bookmarks: bool = False
    send_initial_events: bool | None = None
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about. `name` "" is the collection, `namespace` "" all namespaces or none."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, as authentication found (authentication.k8s.io UserInfo). `extra` is a tuple of (key, values)."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


ADMIN = User("admin", "1", ("system:masters", "system:authenticated"))
