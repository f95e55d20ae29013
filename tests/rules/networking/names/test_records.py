"""The specification of Kubernetes DNS, section by section."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from wherry.rules.networking.names.records import NOTHING, UNKNOWN, Record, answer, owns, reverse


class Known:
    """A directory of a few Services in the namespace `d`."""

    def __init__(self, *services: Any, slices: Iterable[Any] = ()) -> None:
        self._services = {each["metadata"]["name"]: each for each in services}
        self._slices = list(slices)

    def has_namespace(self, namespace: str) -> bool:
        return namespace == "d"

    def service(self, namespace: str, name: str) -> Any:
        return self._services.get(name) if namespace == "d" else None

    def slices(self, namespace: str, service: str) -> Any:
        return [each for each in self._slices if each["metadata"]["labels"]["kubernetes.io/service-name"] == service]

    def of_address(self, address: str) -> Any:
        services = [each for each in self._services.values() if each["spec"].get("clusterIP") == address]
        return services, [each for each in self._slices if any(address in e["addresses"] for e in each["endpoints"])]


def service(name: str = "s", ip: str = "10.96.0.9", **spec: Any) -> Any:
    ports = [{"name": "https", "port": 443, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    return {"metadata": {"name": name, "namespace": "d"}, "spec": {"clusterIP": ip, "clusterIPs": [ip], "ports": ports, **spec}}


def members(*endpoints: Any, of: str = "h") -> Any:
    return {"metadata": {"name": f"{of}-1", "namespace": "d", "labels": {"kubernetes.io/service-name": of}}, "addressType": "IPv4",
            "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}], "endpoints": list(endpoints)}  # fmt: skip


def endpoint(address: str, host: str = "", *, ready: bool = True) -> Any:
    return {"addresses": [address], "conditions": {"ready": ready}, **({"hostname": host} if host else {})}


HEADLESS = service("h", "None")
ZERO, ONE = endpoint("10.244.0.5", "h-0"), endpoint("10.244.0.6")
CLUSTER = Known(service(), HEADLESS, service("e", "", type="ExternalName", externalName="Db.Example.com."), slices=[members(
    ZERO, ONE, endpoint("10.244.0.7", ready=False))])  # fmt: skip


def said(name: str, kind: str = "A") -> list[tuple[str, str]]:
    return [(record.type, record.value) for record in answer(name, kind, CLUSTER).records]


def test_a_service_has_its_cluster_address() -> None:
    assert said("s.d.svc.cluster.local") == [("A", "10.96.0.9")]
    # there is a name, but nothing of that type
    assert answer("s.d.svc.cluster.local", "AAAA", CLUSTER) == NOTHING


def test_a_service_of_two_families_has_both() -> None:
    both = Known(service(clusterIPs=["10.96.0.9", "fd00::9"]))
    assert answer("s.d.svc.cluster.local", "AAAA", both).records == (Record("s.d.svc.cluster.local", "AAAA", "fd00::9"),)
    assert len(answer("s.d.svc.cluster.local", "ANY", both).records) == 2


def test_named_ports_have_srv_records_and_unnamed_ones_have_none() -> None:
    found = answer("_https._tcp.s.d.svc.cluster.local", "SRV", CLUSTER)
    assert [record.value for record in found.records] == ["443 s.d.svc.cluster.local"]
    assert found.more == (Record("s.d.svc.cluster.local", "A", "10.96.0.9"),)
    assert answer("_https._udp.s.d.svc.cluster.local", "SRV", CLUSTER) == UNKNOWN
    assert answer("_https._tcp.s.d.svc.cluster.local", "A", CLUSTER) == NOTHING


def test_a_headless_service_has_its_ready_endpoints() -> None:
    assert said("h.d.svc.cluster.local") == [("A", "10.244.0.5"), ("A", "10.244.0.6")]
    assert said("h-0.h.d.svc.cluster.local") == [("A", "10.244.0.5")]
    assert said("10-244-0-6.h.d.svc.cluster.local") == [("A", "10.244.0.6")]
    assert answer("10-244-0-7.h.d.svc.cluster.local", "A", CLUSTER) == UNKNOWN


def test_a_headless_service_has_an_srv_record_for_each_endpoint() -> None:
    found = answer("_https._tcp.h.d.svc.cluster.local", "SRV", CLUSTER)
    assert [record.value for record in found.records] == ["8443 h-0.h.d.svc.cluster.local", "8443 10-244-0-6.h.d.svc.cluster.local"]
    assert [record.value for record in found.more] == ["10.244.0.5", "10.244.0.6"]


def test_a_headless_service_without_ready_endpoints_is_unknown() -> None:
    assert answer("h.d.svc.cluster.local", "A", Known(HEADLESS)) == UNKNOWN


def test_an_external_name_is_asked_for_elsewhere() -> None:
    found = answer("e.d.svc.cluster.local", "A", CLUSTER)
    assert found.records == (Record("e.d.svc.cluster.local", "CNAME", "db.example.com"),)
    assert found.elsewhere


def test_addresses_have_names() -> None:
    asked = "9.0.96.10.in-addr.arpa"
    assert reverse("10.96.0.9", asked, CLUSTER) is not None
    assert [r.value for r in reverse("10.96.0.9", asked, CLUSTER).records] == ["s.d.svc.cluster.local"]  # type: ignore[union-attr]
    assert [r.value for r in reverse("10.244.0.5", asked, CLUSTER).records] == ["h-0.h.d.svc.cluster.local"]  # type: ignore[union-attr]
    assert reverse("10.244.0.7", asked, CLUSTER) is None
    assert reverse("192.0.2.1", asked, CLUSTER) is None


@pytest.mark.parametrize(("name", "wanted"), [
    ("10-244-0-5.d.pod.cluster.local", [("A", "10.244.0.5")]),
    ("a-b-c-d.d.pod.cluster.local", []),
    ("10-244-0-5.none.pod.cluster.local", []),
])  # fmt: skip
def test_a_pod_is_named_by_its_address(name: str, wanted: Any) -> None:
    assert said(name) == wanted


@pytest.mark.parametrize("name", ["cluster.local", "svc.cluster.local", "d.svc.cluster.local", "pod.cluster.local"])
def test_names_that_only_have_others_below_them_exist(name: str) -> None:
    assert answer(name, "A", CLUSTER) == NOTHING


@pytest.mark.parametrize("name", ["x.cluster.local", "none.svc.cluster.local", "x.d.svc.cluster.local", "x.s.d.svc.cluster.local"])
def test_other_names_do_not_exist(name: str) -> None:
    assert answer(name, "A", CLUSTER) == UNKNOWN


def test_the_zone_says_which_version_of_the_specification_it_keeps() -> None:
    assert said("dns-version.cluster.local", "TXT") == [("TXT", "1.1.0")]
    assert owns("s.d.svc.cluster.local")
    assert not owns("xcluster.local")
