"""Who owns what after creates, updates and patches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wherry.api import schema
from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields import STATUS, keep_times, track_scale, track_update

CONFIG_MAP = schema.definition("io.k8s.api.core.v1.ConfigMap")
DEPLOYMENT = schema.definition("io.k8s.api.apps.v1.Deployment")
POD = schema.definition("io.k8s.api.core.v1.Pod")


def _config_map(data: dict[str, str], entries: Any = None, **meta: Any) -> Obj:
    meta = {"name": "c", **meta} if entries is None else {"name": "c", "managedFields": entries, **meta}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def _track(old: Obj | None, new: Obj, manager: str, time: str = "t1", **more: Any) -> list[Obj]:
    return track_update(old, new, node=CONFIG_MAP, manager=manager, api_version="v1", time=time, **more)


def _fields(entries: list[Obj]) -> dict[str, Any]:
    return {e["manager"]: e["fieldsV1"] for e in entries}


def test_a_creator_owns_every_field() -> None:
    assert _track(None, _config_map({"a": "1"}, labels={"x": "y"}), "one") == [
        {
            "manager": "one",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "t1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}, "f:metadata": {"f:labels": {".": {}, "f:x": {}}}},
        }
    ]


def test_a_changed_field_changes_hands_and_a_removed_one_is_nobodys() -> None:
    live = _config_map({"a": "1", "b": "1", "c": "1"}, _track(None, _config_map({"a": "1", "b": "1", "c": "1"}), "one"))
    after = _track(live, _config_map({"a": "2", "b": "1"}), "two", "t2")
    assert _fields(after) == {"one": {"f:data": {".": {}, "f:b": {}}}, "two": {"f:data": {"f:a": {}}}}
    assert [e["time"] for e in after] == ["t1", "t2"]


def test_a_manager_without_fields_disappears() -> None:
    live = _config_map({"a": "1"}, _track(None, _config_map({"a": "1"}), "one"))
    new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    assert _track(live, new, "two") == []


def test_a_write_that_changes_nothing_gives_the_live_list() -> None:
    entries = _track(None, _config_map({"a": "1"}), "one")
    live = _config_map({"a": "1"}, entries, resourceVersion="1")
    assert _track(live, _config_map({"a": "1"}, resourceVersion="2"), "two", "t2") is entries


def test_one_manager_has_an_entry_for_each_version_and_subresource() -> None:
    pod: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}, "status": {}}
    entries = track_update(None, pod, node=POD, manager="m", api_version="v1", time="t1")
    live = {**pod, "metadata": {"name": "p", "managedFields": entries}}
    ran = {**live, "status": {"phase": "Running"}}
    after = track_update(live, ran, node=POD, manager="m", api_version="v1", subresource="status", time="t2")
    assert after[0] is entries[0]
    assert after[1]["subresource"] == "status"
    assert after[1]["fieldsV1"] == {"f:status": {"f:phase": {}}}


def test_a_main_write_owns_no_status_and_a_status_write_no_spec() -> None:
    old: Obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 1}, "status": {}}
    entries = track_update(None, old, node=DEPLOYMENT, manager="one", api_version="apps/v1", time="t1")
    old = {**old, "metadata": {"name": "d", "managedFields": entries}}
    new = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}, "spec": {"replicas": 2}, "status": {"replicas": 2}}
    main = track_update(old, new, node=DEPLOYMENT, manager="two", api_version="apps/v1", time="t2")
    status = track_update(old, new, node=DEPLOYMENT, manager="two", api_version="apps/v1", subresource="status", time="t2")
    assert _fields(main)["two"] == {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:replicas": {}}}
    assert _fields(status)["two"] == {"f:status": {"f:replicas": {}}}
    assert _fields(status)["one"] == {"f:spec": {"f:replicas": {}}}


def test_resizing_a_pod_owns_resources_alone() -> None:
    container = {"name": "c", "image": "x", "resources": {"limits": {"cpu": "1"}}}
    old: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    entries = track_update(None, old, node=POD, manager="one", api_version="v1", time="t1")
    old = {**old, "metadata": {"name": "p", "managedFields": entries}}
    resized = {**container, "image": "y", "resources": {"limits": {"cpu": "2"}}}
    new = {**old, "spec": {"containers": [resized]}}
    after = track_update(old, new, node=POD, manager="two", api_version="v1", subresource="resize", time="t2")
    key = 'k:{"name":"c"}'
    assert _fields(after)["two"] == {"f:spec": {"f:containers": {key: {"f:resources": {"f:limits": {"f:cpu": {}}}}}}}
    assert "f:image" in _fields(after)["one"]["f:spec"]["f:containers"][key]


@pytest.mark.parametrize("cleared", [[], [{}]])
def test_a_client_can_clear_all_entries_and_the_object_stays_untracked(cleared: list[Obj]) -> None:
    live = _config_map({"a": "1"}, _track(None, _config_map({"a": "1"}), "one"))
    assert _track(live, _config_map({"a": "2"}, cleared), "two") == []
    assert _track(_config_map({"a": "2"}), _config_map({"a": "3"}), "two") == []


@pytest.mark.parametrize(
    "broken",
    [
        [{"manager": "x", "operation": "Other", "apiVersion": "v1", "fieldsType": "FieldsV1"}],
        [{"manager": "x", "operation": "Update", "fieldsType": "FieldsV1"}],
        [{"manager": "x", "operation": "Update", "apiVersion": "v1"}],
        [{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"k:{": {}}}],
    ],
)
def test_broken_entries_of_a_client_are_ignored(broken: list[Obj]) -> None:
    entries = _track(None, _config_map({"a": "1"}), "one")
    assert _track(_config_map({"a": "1"}, entries), _config_map({"a": "1"}, broken), "two") is entries


def test_a_client_may_rewrite_entries() -> None:
    live = _config_map({"a": "1"}, _track(None, _config_map({"a": "1"}), "one"))
    sent = [{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:a": {}}}}]
    assert _fields(_track(live, _config_map({"a": "1"}, sent), "two")) == {"x": {"f:data": {"f:a": {}}}}


def test_the_oldest_of_more_than_ten_updaters_become_one_per_version() -> None:
    obj = _config_map({"k0": "0"})
    obj["metadata"]["managedFields"] = _track(None, obj, "m00", "t00")
    for i in range(1, 12):
        new = {**obj, "data": {**obj["data"], f"k{i}": "0"}}
        entries = _track(obj, new, f"m{i:02}", f"t{i:02}")
        obj = {**new, "metadata": {**new["metadata"], "managedFields": entries}}
    entries = obj["metadata"]["managedFields"]
    assert [e["manager"] for e in entries] == ["ancient-changes", *(f"m{i:02}" for i in range(3, 12))]
    assert entries[0]["fieldsV1"] == {"f:data": {".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}}}
    assert entries[0]["time"] == "t02"


def test_lists_with_keys_are_owned_by_item_and_key_order_is_by_value() -> None:
    service = schema.definition("io.k8s.api.core.v1.Service")
    ports = [{"port": 443, "protocol": "TCP"}, {"port": 80, "protocol": "TCP"}]
    new: Obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}}
    entries = track_update(None, new, node=service, manager="m", api_version="v1", time="t")
    owned = entries[0]["fieldsV1"]["f:spec"]["f:ports"]
    assert list(owned) == [".", 'k:{"port":80,"protocol":"TCP"}', 'k:{"port":443,"protocol":"TCP"}']


def test_items_of_one_key_are_owned_as_a_whole() -> None:
    doubled = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    pod: Obj = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "env": doubled}]},
    }  # fmt: skip
    entries = track_update(None, pod, node=POD, manager="m", api_version="v1", time="t")
    container = entries[0]["fieldsV1"]["f:spec"]["f:containers"]['k:{"name":"c"}']
    assert container["f:env"] == {".": {}, 'k:{"name":"A"}': {}}


def test_without_schema_maps_are_owned_by_key_and_lists_as_a_whole() -> None:
    spec = {"a": [{"b": 1}], "c": {"d": 1}}
    new: Obj = {"apiVersion": "x/v1", "kind": "Foo", "metadata": {"name": "f"}, "spec": spec, "status": {"e": 1}}
    entries = track_update(None, new, node=None, manager="m", api_version="x/v1", time="t", reset=STATUS)
    assert entries[0]["fieldsV1"] == {"f:spec": {".": {}, "f:a": {}, "f:c": {".": {}, "f:d": {}}}}


def test_without_schema_a_value_may_change_its_shape() -> None:
    def obj(value: Any) -> Obj:
        return {"apiVersion": "x/v1", "kind": "Foo", "metadata": {"name": "f"}, "spec": value}

    old = obj({"a": {"b": 1}})
    old["metadata"]["managedFields"] = track_update(None, old, node=None, manager="one", api_version="x/v1", time="t")
    after = track_update(old, obj({"a": "text"}), node=None, manager="two", api_version="x/v1", time="t")
    assert _fields(after) == {"one": {"f:spec": {}}, "two": {"f:spec": {"f:a": {}}}}


def test_times_stay_when_nothing_else_changed() -> None:
    entries = _track(None, _config_map({"a": "1"}), "one", "t1")
    old = _config_map({"a": "1"}, entries)
    moved = _config_map({"a": "1"}, [{**entries[0], "time": "t2"}])
    assert keep_times(old, moved) == old
    changed = {**moved, "data": {"a": "2"}}
    assert keep_times(old, changed) is changed


def test_scaling_takes_the_replicas_from_everyone() -> None:
    old: Obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 1, "paused": True}}
    old["metadata"]["managedFields"] = track_update(None, old, node=DEPLOYMENT, manager="one", api_version="apps/v1", time="t1")
    new = {**old, "spec": {**old["spec"], "replicas": 2}}
    after = track_scale(old, new, manager="two", api_version="apps/v1")
    assert _fields(after) == {"one": {"f:spec": {"f:paused": {}}}, "two": {"f:spec": {"f:replicas": {}}}}
    assert after[0]["subresource"] == "scale"
    assert "time" not in after[0]
    assert track_scale(old, old, manager="two", api_version="apps/v1") is old["metadata"]["managedFields"]


def test_inputs_are_not_changed() -> None:
    live = _config_map({"a": "1"}, _track(None, _config_map({"a": "1"}), "one"))
    new = _config_map({"b": "1"})
    before = json.dumps([live, new])
    _track(live, new, "two")
    assert json.dumps([live, new]) == before
