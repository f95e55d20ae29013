"""Generators, components and what only kustomize itself can do; with kubectl's own kustomize as the judge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from wherry.api.objects import Obj
from wherry.cli.kube import kustomize, kustomize_tool
from wherry.cli.kube.errors import CommandError

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
      - name: c
        image: "nginx:1"
        envFrom: [{configMapRef: {name: app}}, {secretRef: {name: key}}]
        env: [{name: A, valueFrom: {configMapKeyRef: {name: plain, key: a}}}]
      volumes:
      - {name: v, configMap: {name: files}}
      - {name: p, projected: {sources: [{secret: {name: key}}]}}
"""
BASE = """
resources: [web.yaml]
configMapGenerator:
- {name: app, literals: [a=1, "b='two <&>'"], envs: [more.env], options: {labels: {from: generator}}}
- {name: files, files: [one.txt, other=one.txt, raw.bin]}
- {name: plain, literals: [a=x], options: {disableNameSuffixHash: true}}
secretGenerator:
- {name: key, literals: [k=secret], type: example.com/key}
generatorOptions: {annotations: {made: here}}
"""
COMPONENT = """
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator:
- {name: extra, literals: [x=y]}
patches:
- target: {kind: Deployment}
  patch: |-
    - {op: add, path: /spec/template/spec/containers/0/envFrom/-, value: {configMapRef: {name: extra}}}
"""
OVERLAY = """
resources: [../base]
components: [../component]
namePrefix: prod-
namespace: shop
labels: [{pairs: {tier: front}, includeSelectors: true}]
configMapGenerator:
- {name: app, behavior: merge, literals: [b=3, c=4]}
secretGenerator:
- {name: key, behavior: replace, literals: [k=other]}
images: [{name: nginx, newTag: "2"}]
replicas: [{name: web, count: 3}]
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {template: {spec: {containers: [{name: c, resources: {limits: {cpu: 1}}}]}}}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in (("base", BASE), ("component", COMPONENT), ("overlay", OVERLAY)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(text)
    (tmp_path / "base" / "web.yaml").write_text(WEB)
    (tmp_path / "base" / "more.env").write_text("# comment\n\nmore=yes=really\n")
    (tmp_path / "base" / "one.txt").write_text("first\nsecond\n")
    (tmp_path / "base" / "raw.bin").write_bytes(b"\xff\x00\xfe")
    return tmp_path


def built(directory: Path) -> list[Obj]:
    return [json.loads(line) for line in kustomize.build(directory).splitlines()]


def by_name(objects: list[Obj]) -> dict[str, Obj]:
    return {f"{obj['kind']}/{obj['metadata']['name']}": obj for obj in objects}


@pytest.mark.kubectl
@pytest.mark.parametrize("part", ["base", "overlay"])
def test_the_manifests_are_those_of_kustomize(tree: Path, part: str) -> None:
    kubectl = os.environ.get("KUBECTL") or shutil.which("kubectl")
    assert kubectl, "kubectl is needed"
    judge = subprocess.run([kubectl, "kustomize", str(tree / part)], capture_output=True, text=True, check=True)
    assert by_name(built(tree / part)) == by_name(list(yaml.safe_load_all(judge.stdout)))


def test_a_generated_name_changes_with_the_content_and_so_do_its_references(tree: Path) -> None:
    first = next(obj for obj in built(tree / "base") if obj["kind"] == "Deployment")
    (tree / "base" / "more.env").write_text("more=no\n")
    objects = built(tree / "base")
    second = next(obj for obj in objects if obj["kind"] == "Deployment")
    names = [obj["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"] for obj in (first, second)]
    assert names[0] != names[1]
    assert f"ConfigMap/{names[1]}" in by_name(objects)
    assert "ConfigMap/plain" in by_name(objects)


@pytest.mark.parametrize(("text", "message"), [
    ("configMapGenerator: [{name: a, literals: [nothing]}]\n", "invalid literal source nothing, expected key=value"),
    ("configMapGenerator: [{name: a, literals: [x=1, x=2]}]\n", "cannot add key x, another key by that name already exists in a"),
    ("configMapGenerator: [{name: a, files: [gone]}]\n", "no such file"),
    ("configMapGenerator: [{name: a, behavior: merge}]\n", "does not exist; cannot merge or replace"),
    ("configMapGenerator: [{name: a}, {name: a}]\n", "exists; behavior must be merge or replace"),
    ("configMapGenerator: [{name: a, behavior: mix}]\n", "is not one of create, merge, replace"),
    ("configMapGenerator: [{name: a, what: 1}]\n", "what is not supported here"),
    ("components: [gone]\n", "is not a directory"),
    ("kind: Component\n", "a Component belongs under components"),
])
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "kustomization.yaml").write_text(text)
    with pytest.raises(CommandError, match=message):
        kustomize.build(tmp_path)


def test_a_field_that_is_not_done_here_is_built_by_the_tool_or_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kustomization.yaml").write_text("helmCharts: []\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="helmCharts is not supported here"):
        kustomize.build(tmp_path)
    tool = tmp_path / "kustomize"
    tool.write_text("#!/bin/sh\necho \"kind: ConfigMap # $1\"\n")
    tool.chmod(0o755)
    assert kustomize.build(tmp_path) == "kind: ConfigMap # build\n"
    tool.write_text("#!/bin/sh\necho 'Error: nothing there' >&2; exit 1\n")
    with pytest.raises(CommandError, match=r"^nothing there$"):
        kustomize.build(tmp_path)


def test_this_program_under_the_name_of_kubectl_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tool = tmp_path / "kubectl"
    tool.write_text(f"#!/bin/sh\nexec {sys.executable} -m wherry.cli.main\n")
    tool.chmod(0o755)
    with pytest.raises(CommandError, match="as it was"):
        kustomize_tool.built(tmp_path, CommandError("as it was"))
