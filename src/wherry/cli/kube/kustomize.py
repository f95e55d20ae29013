"""Kustomizations to manifests: the part of kustomize that rolls out workloads, without kustomize.

Called by `manifests` for -k. Done: resources (files and directories), components, generators of ConfigMaps and Secrets, namespace,
namePrefix, nameSuffix, labels, commonLabels, commonAnnotations, images, replicas, patches (strategic and JSON 6902). A kustomization with
any other field is built by kustomize itself where that (or kubectl, which has it inside) is installed, and refused by name where not.
Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wherry.api.objects import Obj
from wherry.cli.kube import kustomize_edit as edit
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.kustomize_generate import finished, generated
from wherry.cli.kube.manifests import EXTENSIONS, Source, documents, flattened
from wherry.cli.kube.text.values import compact

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FIELDS = {"apiVersion", "kind", "metadata", "resources", "bases", "namespace", "namePrefix", "nameSuffix", "labels", "commonLabels",
           "commonAnnotations", "images", "replicas", "patches", "patchesStrategicMerge", "patchesJson6902", "components",
           "configMapGenerator", "secretGenerator", "generatorOptions"}
#: in which order kinds are written; others come after those before, webhooks at the end
_ORDER = ("Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy", "Role",
          "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service", "LimitRange", "PriorityClass",
          "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget")
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


class Unsupported(CommandError):
    """A field that is not done here."""


def build(directory: Path) -> str:
    """All manifests of a kustomization as a stream of JSON or YAML values. Raises CommandError."""
    try:
        objects = finished(read(directory))
    except Unsupported as error:
        from wherry.cli.kube.kustomize_tool import built

        return built(directory, error)
    objects.sort(key=lambda o: (_rank(o), o.get("apiVersion", ""), o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]))
    return "\n".join(compact(obj) for obj in objects)


def _rank(obj: Obj) -> int:
    kind = obj["kind"]
    if kind in _ORDER:
        return _ORDER.index(kind) - len(_ORDER)
    return 1 + _LAST.index(kind) if kind in _LAST else 0


def read(directory: Path, above: tuple[Path, ...] = (), objects: list[Obj] | None = None) -> list[Obj]:
    """The objects of a directory's kustomization, changed as it says. `objects`: those that a component joins."""
    directory = directory.resolve()
    if directory in above:
        raise CommandError(f"cycle detected: candidate root '{directory}' contains visited root")
    config = _config(directory)
    if (config.get("kind") == "Component") != (objects is not None):
        raise CommandError(f"{directory}: a Component belongs under components, and a Kustomization under resources")
    objects = list(objects or ())
    for entry in [*(config.get("resources") or ()), *(config.get("bases") or ())]:
        objects += _resource(directory, entry, above)
    for entry in config.get("components") or ():
        if not (directory / entry).is_dir():
            raise CommandError(f"accumulating components: {directory / entry} is not a directory")
        objects = read(directory / entry, (*above, directory), objects)
    return _changed(directory, config, generated(directory, config, objects))


def _changed(directory: Path, config: Obj, objects: list[Obj]) -> list[Obj]:
    objects = _patched(directory, config, objects)
    objects = edit.renamed(objects, str(config.get("namePrefix") or ""), str(config.get("nameSuffix") or ""))
    if config.get("namespace"):
        objects = edit.in_namespace(objects, str(config["namespace"]))
    for labels, selectors, templates in _labels(config):
        objects = [edit.labelled(obj, labels, selectors=selectors, templates=templates) for obj in objects]
    if config.get("commonAnnotations"):
        objects = [edit.annotated(obj, config["commonAnnotations"]) for obj in objects]
    for image in config.get("images") or ():
        objects = [edit.with_image(obj, image) for obj in objects]
    for replicas in config.get("replicas") or ():
        objects = [edit.with_replicas(obj, str(replicas["name"]), int(replicas["count"])) for obj in objects]
    return objects


def _config(directory: Path) -> Obj:
    path = next((directory / name for name in NAMES if (directory / name).is_file()), None)
    if path is None:
        listed = ", ".join(f"'{name}'" for name in NAMES[:-1])
        raise CommandError(f"unable to find one of {listed} or '{NAMES[-1]}' in directory '{directory}'")
    found = list(documents(Source(str(path), path.read_text())))
    config: Obj = found[0] if found and isinstance(found[0], dict) else {}
    unknown = sorted(set(config) - _FIELDS)
    if unknown:
        raise Unsupported(f"{path}: {', '.join(unknown)} is not supported here; build it with kustomize and apply the result with -f -")
    return config


def _resource(directory: Path, entry: str, above: tuple[Path, ...]) -> list[Obj]:
    path = directory / entry
    if path.is_dir():
        return read(path, (*above, directory))
    if not path.is_file():
        if "://" in entry or entry.startswith(("git@", "github.com/")):
            raise Unsupported(f"{entry}: remote resources are not supported here")
        raise CommandError(f"accumulating resources: open {path}: no such file")
    values = documents(Source(str(path), path.read_text()))
    return [edit.marked(part) for value in values if isinstance(value, dict) for part in flattened(value)]


def _labels(config: Obj) -> list[tuple[dict[str, str], bool, bool]]:
    """(labels, also in selectors, also in templates)."""
    found = [(dict(config["commonLabels"]), True, True)] if config.get("commonLabels") else []
    for entry in config.get("labels") or ():
        selectors = bool(entry.get("includeSelectors"))
        found.append((dict(entry.get("pairs") or {}), selectors, selectors or bool(entry.get("includeTemplates"))))
    return found


def _patched(directory: Path, config: Obj, objects: list[Obj]) -> list[Obj]:
    patches: list[tuple[Any, Obj | None]] = []
    for entry in config.get("patches") or ():
        patches += [(value, entry.get("target")) for value in _patch_values(directory, entry)]
    for text in config.get("patchesStrategicMerge") or ():
        inline = "\n" in text or not text.endswith(EXTENSIONS)
        patches += [(value, None) for value in _patch_values(directory, {"patch": text} if inline else {"path": text})]
    for entry in config.get("patchesJson6902") or ():
        patches += [(value, entry["target"]) for value in _patch_values(directory, entry)]
    for patch, target in patches:
        objects = edit.patched(objects, patch, target)
    return objects


def _patch_values(directory: Path, entry: Obj) -> list[Any]:
    if entry.get("path"):
        path = directory / str(entry["path"])
        if not path.is_file():
            raise CommandError(f"failed to get the patch file from path({entry['path']}): no such file")
        return list(documents(Source(str(path), path.read_text())))
    return list(documents(Source("patch", str(entry.get("patch") or ""))))
