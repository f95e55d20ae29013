"""The order of ports and subsets follows a hash that does not depend on the order they came in."""

from __future__ import annotations

from itertools import permutations

from tests.rules.networking.endpoints.samples import port
from wherry.rules.networking.endpoints import order as endpoint_order

NUMBERS = (("http", 80), ("https", 443), ("metrics", 9090), ("dns", 53))
PORTS = [{"name": name, "port": number, "protocol": "TCP"} for name, number in NUMBERS]


def test_the_hash_is_fnv_1a_of_128_bits() -> None:
    assert f"{endpoint_order._hash('a'):032x}" == "d228cb696f1a8caf78912b704e4a8964"


def test_the_dump_of_a_port_names_every_field_and_type() -> None:
    dump = endpoint_order._fields_of_port({"name": "http", "port": 80, "protocol": "TCP", "appProtocol": "h2c"})
    assert dump == "{Name:(string)http Port:(int32)80 Protocol:(v1.Protocol)TCP AppProtocol:(*string)h2c}"


def test_any_order_of_ports_gives_the_same() -> None:
    for sort in (endpoint_order.sorted_ports, endpoint_order.sorted_slice_ports):
        assert len({tuple(p["name"] for p in sort(list(each))) for each in permutations(PORTS)}) == 1


def test_any_order_of_subsets_gives_the_same() -> None:
    ends = [{"ip": f"10.0.0.{n}", "targetRef": {"kind": "Pod", "uid": str(n)}} for n in range(3)]
    subsets = [{"addresses": [end], "ports": [port(80 + n)]} for n, end in enumerate(ends)]
    found = {tuple(s["addresses"][0]["ip"] for s in endpoint_order.sorted_subsets(list(each))) for each in permutations(subsets)}
    assert len(found) == 1
