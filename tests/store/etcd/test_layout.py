"""Keys in etcd are those of the reference's API server."""

from __future__ import annotations

import pytest

from wherry.api.resources import TABLE
from wherry.store.etcd.layout import Layout, after

PLACES = {
    "pods/default/a": "/registry/pods/default/a",
    "deployments.apps/default/a": "/registry/deployments/default/a",
    "nodes/n": "/registry/minions/n",
    "services/default/kubernetes": "/registry/services/specs/default/kubernetes",
    "endpoints/default/kubernetes": "/registry/services/endpoints/default/kubernetes",
    "endpointslices.discovery.k8s.io/default/a": "/registry/endpointslices/default/a",
    "replicationcontrollers/default/a": "/registry/controllers/default/a",
    "ingresses.networking.k8s.io/default/a": "/registry/ingress/default/a",
    "leases.coordination.k8s.io/kube-system/a": "/registry/leases/kube-system/a",
    "clusterroles.rbac.authorization.k8s.io/system:node": "/registry/clusterroles/system:node",
    "events/default/a.1": "/registry/events/default/a.1",
    "customresourcedefinitions.apiextensions.k8s.io/b.sea.example":
        "/registry/apiextensions.k8s.io/customresourcedefinitions/b.sea.example",
    "apiservices.apiregistration.k8s.io/v1.apps": "/registry/apiregistration.k8s.io/apiservices/v1.apps",
    "boats.sea.example/default/a": "/registry/sea.example/boats/default/a",
    "harbours.sea.example/a": "/registry/sea.example/harbours/a",
}  # fmt: skip


@pytest.mark.parametrize(("key", "path"), PLACES.items())
def test_an_object_stands_where_the_reference_puts_it(key: str, path: str) -> None:
    layout = Layout()
    assert layout.path(key).decode() == path
    assert layout.key(path.encode()) == key


STRANGERS = ["ranges/serviceips", "masterleases/10.0.0.1", "wherry/fence", "wherry/pki", "health", "services/other/a", "pods"]


@pytest.mark.parametrize("path", STRANGERS)
def test_what_is_no_object_has_no_place_in_the_store(path: str) -> None:
    assert Layout().key(f"/registry/{path}".encode()) is None


def test_no_two_built_in_tables_share_a_place() -> None:
    tables = {TABLE.storage(row).group_resource for row in TABLE if {"create", "list"} <= set(row.verbs)}
    layout = Layout()
    for table in tables:
        assert layout.key(layout.path(f"{table}/a/b")) == f"{table}/a/b"


def test_a_whole_table_is_a_range_of_keys() -> None:
    start = Layout("/other/prefix/").path("pods/")
    assert (start, after(start)) == (b"/other/prefix/pods/", b"/other/prefix/pods0")


def test_a_table_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place in etcd for 'boats'"):
        Layout().path("boats/default/a")
