"""Which object a rollout is about: `deployment/web`, `deploy/web`, `sts/db`, `daemonset.apps/agent`."""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.resources import TABLE, Resource, resource
from wherry.rollout.errors import RolloutError, Unsupported

DEPLOYMENTS = resource("deployments", "apps")
STATEFUL_SETS = resource("statefulsets", "apps")
DAEMON_SETS = resource("daemonsets", "apps")
REPLICA_SETS = resource("replicasets", "apps")
CONTROLLER_REVISIONS = resource("controllerrevisions", "apps")
PODS = resource("pods")
EVENTS = resource("events")
NODES = resource("nodes")
CONFIG_MAPS = resource("configmaps")
SECRETS = resource("secrets")
BUDGETS = resource("poddisruptionbudgets", "policy")
ROLLED = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)
#: kinds with a pod template that the reference knows of but cannot roll
_KNOWN = {"Job.batch", "Pod", "ReplicaSet.apps", "ReplicationController", "CronJob.batch"}


class Named(NamedTuple):
    resource: Resource
    name: str


def parse(text: str) -> Named:
    """Raises RolloutError for an unknown kind, one that cannot be rolled out, or a text of another form."""
    kind, slash, name = text.partition("/")
    if not slash or not name:
        raise RolloutError(f"{text!r} must have the form KIND/NAME, such as deployment/web")
    found = find(kind)
    if found is None:
        raise RolloutError(f'the server doesn\'t have a resource type "{kind}"')
    if found not in ROLLED:
        raise Unsupported(f"{found.group_resource} cannot be rolled out: only deployments, statefulsets and daemonsets are")
    return Named(found, name)


def find(word: str) -> Resource | None:
    """The built-in resource that a plural, a singular or a short name means, with or without version and group."""
    name, _, rest = word.lower().partition(".")
    for row in TABLE:
        if name in (row.plural, row.singular, *row.short_names) and rest in ("", row.group, f"{row.version}.{row.group}".rstrip(".")):
            return row
    return None


def require(found: Resource, doing: str, missing: str) -> None:
    """Raises Unsupported, in the reference's words, for a resource that has no rollout: `missing` is the part it lacks."""
    if found in ROLLED:
        return
    if found.group_kind in _KNOWN:
        raise Unsupported(f'no {missing} has been implemented for "{found.group_kind}"')
    raise Unsupported(f'error retrieving {doing} for "{found.group_kind}", no visitor method exists for {{{found.group} {found.kind}}}')
