"""The order of ports and subsets: by the 128-bit FNV-1a hash of their canonical dump, as clients have always seen them.

Called by the rules of Endpoints and EndpointSlices. The dump writes every field of the Go type with its type, absent ones included.
Source of the rule: pkg/api/v1/endpoints/util.go (SortSubsets), staging/src/k8s.io/endpointslice/util (NewPortMapKey); k8s.io/utils/dump.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from wherry.api.objects import Obj

_OFFSET, _PRIME, _MASK = 0x6C62272E07BB014262B821756295C58D, 0x0000000001000000000000000000013B, (1 << 128) - 1


@lru_cache(maxsize=4096)
def _hash(text: str) -> int:
    value = _OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _PRIME & _MASK
    return value


def _pointer(type_: str, value: Any) -> str:
    return f"(*{type_})<nil>" if value is None else f"(*{type_}){value}"


def _list(type_: str, values: Iterable[str]) -> str:
    inner = " ".join(values)
    return f"([]{type_})[{inner}]" if inner else f"([]{type_})<nil>"


def _fields_of_port(port: Obj) -> str:
    return (f"{{Name:(string){port.get('name', '')} Port:(int32){port['port']} Protocol:(v1.Protocol){port.get('protocol', '')} "
            f"AppProtocol:{_pointer('string', port.get('appProtocol'))}}}")


def _fields_of_address(address: Obj) -> str:
    return (f"{{IP:(string){address['ip']} Hostname:(string){address.get('hostname', '')} "
            f"NodeName:{_pointer('string', address.get('nodeName'))} TargetRef:{_reference(address.get('targetRef'))}}}")


def _reference(ref: Obj | None) -> str:
    if ref is None:
        return "(*v1.ObjectReference)<nil>"
    names = (("Kind", "kind"), ("Namespace", "namespace"), ("Name", "name"), ("UID", "uid"), ("APIVersion", "apiVersion"),
             ("ResourceVersion", "resourceVersion"), ("FieldPath", "fieldPath"))
    parts = (f"{go}:({'types.UID' if go == 'UID' else 'string'}){ref.get(key, '')}" for go, key in names)
    return f"(*v1.ObjectReference){{{' '.join(parts)}}}"


def _endpoint_port(port: Obj) -> int:
    return _hash("(v1.EndpointPort)" + _fields_of_port(port))


def _slice_port(port: Obj) -> int:
    number = _pointer("int32", port.get("port"))
    return _hash(f"(v1.EndpointPort){{Name:{_pointer('string', port.get('name'))} Protocol:{_pointer('v1.Protocol', port.get('protocol'))} "
                 f"Port:{number} AppProtocol:{_pointer('string', port.get('appProtocol'))}}}")


def _subset(subset: Obj) -> int:
    """Not cached: it holds every address."""
    ready = _list("v1.EndpointAddress", map(_fields_of_address, subset.get("addresses") or ()))
    waiting = _list("v1.EndpointAddress", map(_fields_of_address, subset.get("notReadyAddresses") or ()))
    ports = _list("v1.EndpointPort", map(_fields_of_port, subset.get("ports") or ()))
    return _hash.__wrapped__(f"(v1.EndpointSubset){{Addresses:{ready} NotReadyAddresses:{waiting} Ports:{ports}}}")


def sorted_ports(ports: list[Obj]) -> list[Obj]:
    """Ports of an Endpoints subset."""
    return ports if len(ports) < 2 else sorted(ports, key=_endpoint_port)


def sorted_slice_ports(ports: list[Obj]) -> list[Obj]:
    """Ports of an EndpointSlice."""
    return ports if len(ports) < 2 else sorted(ports, key=_slice_port)


def sorted_subsets(subsets: list[Obj]) -> list[Obj]:
    return subsets if len(subsets) < 2 else sorted(subsets, key=_subset)
