"""What etcd holds of an object has no resourceVersion, whoever wrote it; what is read of it has its place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from wherry.store.etcd.values import Unreadable, with_mark, without_revision
from wherry.store.stamp import unversioned

META = {"name": "a", "namespace": "b", "uid": "c", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"resourceVersion": ""}}


def ours(meta: dict[str, Any] | None = None) -> bytes:
    obj = {"kind": "Pod", "apiVersion": "v1", "metadata": META if meta is None else meta, "spec": {"x": 1}}
    return msgspec.json.encode(unversioned(obj))


def test_what_is_stored_has_no_revision_and_is_read_as_it_was() -> None:
    stored = without_revision(ours())
    assert stored == b'{"kind":"Pod","apiVersion":"v1","metadata":' + msgspec.json.encode(META) + b',"spec":{"x":1}}'
    assert with_mark(stored) == ours()


@pytest.mark.parametrize("meta", [{"name": "a"}, {"name": "a", "labels": {"resourceVersion": ""}}, {"name": 'a"b', "uid": "c"}, {}])
def test_objects_with_little_metadata_come_back(meta: dict[str, Any]) -> None:
    assert with_mark(without_revision(ours(meta))) == ours(meta)


def test_the_references_json_is_read_without_decoding_it() -> None:
    theirs = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"b","uid":"c","generation":1},"status":{}}\n'
    expected = theirs.replace(b"\"uid\":\"c\",", b"\"uid\":\"c\",\"resourceVersion\":\"\",").rstrip()
    assert with_mark(theirs) == expected


def test_another_order_of_fields_is_brought_into_ours() -> None:
    theirs = (b'{"apiVersion":"sea.example/v1","kind":"Boat",'
              b'"metadata":{"creationTimestamp":"t","name":"a","resourceVersion":"7","uid":"c"},"x":1}')
    assert with_mark(theirs) == (
        b'{"kind":"Boat","apiVersion":"sea.example/v1","metadata":{"name":"a","uid":"c","resourceVersion":"","creationTimestamp":"t"},"x":1}')


def test_protobuf_is_read_by_who_can() -> None:
    def read(value: bytes) -> dict[str, Any]:
        return {"metadata": {"name": "a"}, "kind": "Pod", "apiVersion": "v1"}

    assert with_mark(b"k8s\0...", read) == b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","resourceVersion":""}}'


@pytest.mark.parametrize("value", [b"k8s\0...", b"no JSON", b"k8s:enc:aescbc:v1:key:..."])
def test_what_cannot_be_read_is_refused(value: bytes) -> None:
    with pytest.raises(Unreadable):
        with_mark(value)
