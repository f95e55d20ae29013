"""Classes, endpoints, the pick of one, headers and the status."""

from __future__ import annotations

from typing import Any

from wherry.rules.networking.ingress.classes import ingress_class, is_ours, own_classes
from wherry.rules.networking.ingress.endpoints import Target, Targets, port_name, targets
from wherry.rules.networking.ingress.headers import Client, to_backend, to_client
from wherry.rules.networking.ingress.picking import pick
from wherry.rules.networking.ingress.status import load_balancer, with_status
from wherry.rules.networking.ingress.table import Backend

Obj = dict[str, Any]
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"


def test_the_class_is_the_default_one_unless_another_is() -> None:
    assert ingress_class([])["metadata"]["annotations"] == {_DEFAULT: "true"}
    assert "annotations" not in ingress_class([{"metadata": {"name": "nginx", "annotations": {_DEFAULT: "true"}}}])["metadata"]


def test_an_ingress_is_ours_by_its_class_whatever_its_name() -> None:
    other = {"metadata": {"name": "fast"}, "spec": {"controller": "wherry.dev/ingress"}}
    foreign = {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
    classes = own_classes([ingress_class([]), other, foreign])
    by_annotation = {"metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "wherry"}}}
    of_class = [{"metadata": {"name": "i"}, "spec": {"ingressClassName": each}} for each in ("wherry", "fast", "nginx")]
    assert [is_ours(each, classes) for each in (*of_class, by_annotation, {"metadata": {"name": "i"}})] == [True, True, False, True, False]


def _slice(*endpoints: tuple[str, str, Obj], port: int = 8080, name: str = "web") -> Obj:
    return {
        "addressType": "IPv4", "ports": [{"name": name, "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [ip], "targetRef": {"uid": uid}, "conditions": said} for ip, uid, said in endpoints],
    }  # fmt: skip


_READY, _LEAVING = {"ready": True}, {"ready": False, "serving": True, "terminating": True}


def test_endpoints_are_those_that_are_ready_and_apart_those_that_serve_while_they_end() -> None:
    found = targets([_slice(("10.0.0.2", "b", _READY), ("10.0.0.1", "a", _LEAVING), ("10.0.0.3", "c", {"ready": False}))], "web")
    assert found == Targets((Target("10.0.0.2", 8080, "b"),), (Target("10.0.0.1", 8080, "a"),))
    assert targets([_slice(("10.0.0.2", "b", _READY))], "other") == Targets()


def test_a_port_of_a_service_is_found_by_number_or_name() -> None:
    service = {"spec": {"ports": [{"port": 80, "name": "web"}, {"port": 53, "name": "dns", "protocol": "UDP"}]}}
    asked = [Backend("d", "s", *each) for each in ((80, ""), (0, "web"), (81, ""), (53, ""), (0, "dns"))]
    assert [port_name(service, each) for each in asked] == ["web", "web", None, None, None]
    assert port_name({"spec": {"ports": [{"port": 80}]}}, asked[0]) == ""


_A, _B, _C = (Target(f"10.0.0.{n}", 80, uid) for n, uid in enumerate("abc"))


def test_endpoints_take_turns() -> None:
    assert [pick(Targets((_A, _B, _C)), turn) for turn in range(4)] == [_A, _B, _C, _A]


def test_a_pod_that_is_deleted_is_out_before_its_endpoint_says_so() -> None:
    assert {pick(Targets((_A, _B)), turn, {"a"}) for turn in range(4)} == {_B}


def test_where_nobody_stays_those_that_leave_serve() -> None:
    assert pick(Targets((_A,)), 0, {"a"}) == _A
    assert pick(Targets((), (_A,)), 0) == _A
    assert pick(Targets((_B,), (_A,)), 0, {"b"}) == _A
    assert pick(Targets(), 0) is None


def test_nobody_is_tried_twice() -> None:
    assert pick(Targets((_A, _B)), 0, (), {_A}) == _B
    assert pick(Targets((_A, _B)), 0, (), {_A, _B}) is None


_CLIENT = Client("192.0.2.7", "https", "h.example:8443", 8443)


def test_what_concerns_one_connection_is_not_passed_on_and_the_client_is_told_of() -> None:
    given = [
        ("Host", "h.example"), ("Connection", "close, X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "5"), ("TE", "trailers"), ("Cookie", "a=b"),
        ("Transfer-Encoding", "chunked"), ("X-Forwarded-For", "10.9.9.9"), ("Forwarded", "for=1.2.3.4"), ("Expect", "100-continue"),
        ("Cookie", "c=d"), ("Content-Length", "5"),
    ]  # fmt: skip
    kept = to_backend(given, _CLIENT)
    assert kept == [
        ("Host", "h.example"), ("Cookie", "a=b"), ("Cookie", "c=d"), ("Content-Length", "5"), ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Host", "h.example:8443"), ("X-Forwarded-Port", "8443"), ("X-Forwarded-Proto", "https"), ("X-Real-IP", "192.0.2.7"),
    ]  # fmt: skip


def test_a_connection_header_cannot_take_the_host_or_the_length_away() -> None:
    kept = to_backend([("Connection", "host, content-length"), ("Host", "h"), ("Content-Length", "1")], _CLIENT)
    assert [name for name, _ in kept][:2] == ["Host", "Content-Length"]


def test_a_wish_for_another_protocol_is_passed_on_alone() -> None:
    given = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "k")]
    kept = to_backend(given, _CLIENT, upgrade="websocket")
    assert kept[0] == ("Sec-WebSocket-Key", "k")
    assert kept[-2:] == [("Connection", "Upgrade"), ("Upgrade", "websocket")]


def test_answers_keep_all_that_is_the_clients() -> None:
    given = [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Connection", "keep-alive"), ("Transfer-Encoding", "chunked"), ("Date", "x")]
    assert to_client(given) == [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Date", "x")]


def test_a_status_says_addresses_and_ports_and_is_written_once() -> None:
    wanted = load_balancer(["127.0.0.1"], [8080, 8443])
    assert wanted == {"ingress": [{"ip": "127.0.0.1", "ports": [{"port": 8080, "protocol": "TCP"}, {"port": 8443, "protocol": "TCP"}]}]}
    bare: Obj = {"metadata": {"name": "i"}, "status": {"loadBalancer": {}}}
    changed = with_status(bare, wanted)
    assert changed is not None
    assert changed["status"] == {"loadBalancer": wanted}
    assert with_status(changed, wanted) is None
    assert with_status(bare, load_balancer(["127.0.0.1"], [])) is None
