"""Files, directories and kustomizations become objects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wherry.cli.kube import kustomize
from wherry.cli.kube.applied import annotated, original, pruned
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.managed import migrated
from wherry.cli.kube.manifests import Files, Source, documents, flattened, is_single, sources
from wherry.rollout.ownership import union

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "nginx:1", envFrom: [{configMapRef: {name: conf}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
"""


def test_documents_of_a_stream() -> None:
    found = list(documents(Source("x", "# only a comment\n---\na: 1\n--- # two\n- b\n---\n")))
    assert found == [{"a": 1}, ["b"]]
    assert list(documents(Source("x", '{"a":1}\n {"b":2}'))) == [{"a": 1}, {"b": 2}]
    with pytest.raises(CommandError, match="error parsing x: error converting YAML to JSON"):
        list(documents(Source("x", "a: [")))


def test_lists_are_taken_apart() -> None:
    pods = {"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}
    assert list(flattened({"kind": "List", "items": [pods, {"kind": "X"}]})) == [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, {"kind": "X"}]


def test_files_directories_and_patterns(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.yaml", "b.json", "c.txt", "sub/d.yml"):
        (tmp_path / name).write_text("{}")

    def names(files: Files) -> list[str]:
        return [str(Path(s.name).relative_to(tmp_path)) for s in sources(files)]

    assert names(Files((str(tmp_path),))) == ["a.yaml", "b.json"]
    assert names(Files((str(tmp_path),), recursive=True)) == ["a.yaml", "b.json", "sub/d.yml"]
    assert names(Files((str(tmp_path / "*.txt"),))) == ["c.txt"]
    assert is_single(Files((str(tmp_path / "a.yaml"),)))
    with pytest.raises(CommandError, match=r'the path "nosuch\.yaml" does not exist'):
        list(sources(Files(("nosuch.yaml",))))
    with pytest.raises(CommandError, match="only one of -f or -k can be specified"):
        Files(("a",), "b").check()


def build(directory: Path, **files: str) -> list[dict[str, object]]:
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [json.loads(line) for line in kustomize.build(directory / "top").splitlines()]


def test_a_kustomization_changes_what_it_names(tmp_path: Path) -> None:
    conf, web = build(tmp_path, base__web_yaml=WEB, base__kustomization_yaml="resources: [web.yaml]\ncommonLabels: {team: blue}\n",
                      top__kustomization_yaml="resources: [../base]\nnamePrefix: prod-\nnamespace: shop\n"
                      "images: [{name: nginx, newTag: '2'}]\n"
                      "replicas: [{name: prod-web, count: 3}]\ncommonAnnotations: {note: hi}\n"
                      "patches: [{target: {kind: Deployment}, patch: '[{op: add, path: /spec/paused, value: true}]'}]\n")
    assert conf["metadata"] == {"name": "prod-conf", "namespace": "shop", "labels": {"team": "blue"}, "annotations": {"note": "hi"}}
    spec = web["spec"]
    assert isinstance(spec, dict)
    assert (spec["replicas"], spec["paused"], spec["selector"]) == (3, True, {"matchLabels": {"app": "web", "team": "blue"}})
    container, = spec["template"]["spec"]["containers"]
    assert container == {"name": "c", "image": "nginx:2", "envFrom": [{"configMapRef": {"name": "prod-conf"}}]}
    assert spec["template"]["metadata"] == {"labels": {"app": "web", "team": "blue"}, "annotations": {"note": "hi"}}


def test_a_strategic_patch_finds_its_object(tmp_path: Path) -> None:
    _, web = build(tmp_path, top__web_yaml=WEB, top__kustomization_yaml="resources: [web.yaml]\npatches: [{path: p.yaml}]\n",
                   top__p_yaml="apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
                   "spec: {template: {spec: {containers: [{name: c, tty: true}]}}}")
    assert web["spec"]["template"]["spec"]["containers"][0]["tty"] is True  # type: ignore[index]
    assert web["metadata"] == {"name": "web"}


@pytest.mark.parametrize(("text", "message"), [
    ("vars: []\n", "vars is not supported here"), ("resources: [gone.yaml]\n", "no such file"),
    ("resources: [https://x/y]\n", "remote resources are not supported"), ("resources: [../top]\n", "cycle detected"),
    ("patches: [{patch: '{kind: X, metadata: {name: y}}'}]\n", "no matches for Id"),
])
def test_what_a_kustomization_cannot_do_is_refused_by_name(tmp_path: Path, text: str, message: str,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no kustomize there
    with pytest.raises(CommandError, match=message):
        build(tmp_path, top__kustomization_yaml=text)


def test_the_last_applied_configuration_does_not_hold_itself() -> None:
    obj = {"kind": "X", "metadata": {"name": "a", "annotations": {"n": "1"}}}
    once = annotated(obj)
    assert annotated(once) == once
    assert original(once) == obj
    assert original(obj) == {}
    assert pruned({"a": None, "b": [{"c": None}]}) == {"b": [{}]}


def test_client_side_managers_pass_their_fields_on() -> None:
    fields = {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}
    entries = [{"manager": "kubectl", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:metadata": {"f:labels": {"f:b": {}}}}},
               {"manager": "old", "operation": "Update", "apiVersion": "v1", "fieldsV1": fields},
               {"manager": "old", "operation": "Update", "apiVersion": "v1", "subresource": "status", "fieldsV1": {}}]
    found = migrated(entries, {"old"}, "kubectl")
    assert found is not None
    assert [e.get("subresource", e["manager"]) for e in found] == ["kubectl", "status"]
    assert found[0]["fieldsV1"] == {"f:metadata": {"f:labels": {".": {}, "f:a": {}, "f:b": {}}}}
    assert migrated(entries[:1], {"old"}, "kubectl") is None
    assert union({"f:x": {}}, {"f:x": {"f:y": {}}}) == {"f:x": {".": {}, "f:y": {}}}
