"""What a pod takes from other objects: its environment's and its volumes' ConfigMaps, Secrets and claims.

Called by the node before it starts a container or sets up volumes, so that it reads just these. Invariant: a pod that refers to nothing
costs a look at its fields and nothing else. The volume that admission adds for the API's credentials is left out: its ConfigMap is
published with every namespace.
Source of the fields: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (env, envFrom, volumes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from wherry.api.objects import Obj

CREDENTIALS = "kube-api-access-"


class Ref(NamedTuple):
    """An object in the pod's namespace. `resource`: configmaps or secrets."""

    resource: str
    name: str


#: what was found; None: there is no such object
Found = Mapping[Ref, Obj | None]


def of_container(container: Obj) -> tuple[Ref, ...]:
    """What its environment takes."""
    if "env" not in container and "envFrom" not in container:
        return ()
    return tuple(dict.fromkeys([*_from(container), *_values(container)]))


def _from(container: Obj) -> Iterator[Ref]:
    for source in container.get("envFrom") or ():
        if "configMapRef" in source:
            yield Ref("configmaps", source["configMapRef"].get("name", ""))
        elif "secretRef" in source:
            yield Ref("secrets", source["secretRef"].get("name", ""))


def _values(container: Obj) -> Iterator[Ref]:
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if not source:
            continue
        if "configMapKeyRef" in source:
            yield Ref("configmaps", source["configMapKeyRef"].get("name", ""))
        elif "secretKeyRef" in source:
            yield Ref("secrets", source["secretKeyRef"].get("name", ""))


def of_volumes(pod_spec: Obj, *, credentials: bool = False) -> tuple[Ref, ...]:
    """What its volumes take. `credentials`: also for the volume with the API's credentials."""
    found: list[Ref] = []
    for volume in pod_spec.get("volumes") or ():
        if "configMap" in volume:
            found.append(Ref("configmaps", volume["configMap"].get("name", "")))
        elif "secret" in volume:
            found.append(Ref("secrets", volume["secret"].get("secretName", "")))
        elif "projected" in volume and (credentials or not volume["name"].startswith(CREDENTIALS)):
            found.extend(_projected(volume["projected"]))
    return tuple(dict.fromkeys(found))


def _projected(source: Obj) -> Iterator[Ref]:
    for each in source.get("sources") or ():
        if "configMap" in each:
            yield Ref("configmaps", each["configMap"].get("name", ""))
        elif "secret" in each:
            yield Ref("secrets", each["secret"].get("name", ""))
