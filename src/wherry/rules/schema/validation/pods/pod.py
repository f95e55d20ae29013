"""Pods, pod specs and pod templates: everything that is wrong with one, in the reference's order.

Called by the strategies of pods and of every kind with a pod template, on every write; a good spec costs one pass over what is in it.
Objects are decoded, defaulted and prepared: fields of feature gates that are off (stop signals, scheduling groups, cluster trust
bundles, pod certificates) were dropped before.
Source: pkg/apis/core/validation ValidatePodSpec, ValidatePodTemplateSpec, ValidatePodCreate, validatePodMetadataAndSpec.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, required
from wherry.api.objects import Obj
from wherry.rules.schema.validation.labels import annotation_map, labels
from wherry.rules.schema.validation.pods.affinity import affinity, spread_constraints
from wherry.rules.schema.validation.pods.annotations import MIRROR, pod_annotations, profiles_agree
from wherry.rules.schema.validation.pods.container_ports import ports_on_host
from wherry.rules.schema.validation.pods.containers import (
    Around,
    containers,
    ephemeral_containers,
    init_containers,
    trimmed_image,
)
from wherry.rules.schema.validation.pods.env import file_volumes
from wherry.rules.schema.validation.pods.resources import overhead, pod_claims, pod_resources
from wherry.rules.schema.validation.pods.scheduling import (
    DNS_POLICIES,
    RESTART_POLICIES,
    choice,
    dns_config,
    hostname_override,
    late_fields,
    readiness_gates,
    scheduling_gates,
)
from wherry.rules.schema.validation.pods.security import own_users, pod_context
from wherry.rules.schema.validation.pods.volumes import volumes
from wherry.rules.schema.validation.pods.windows import host_processes, operating_system
from wherry.rules.texts.go_structs.pod_shown import containers as every_container


def validate_pod_spec(spec: Obj, path: str, *, pod_meta: Obj | None = None) -> Errors:
    """`pod_meta`: the metadata of the pod; None in templates, where some rules wait until a pod is made."""
    errors, around = _storage(spec, path, pod_meta)
    regular, init, ephemeral = (spec.get(k) or [] for k in ("containers", "initContainers", "ephemeralContainers"))
    errors += containers(regular, around, f"{path}.containers")
    if init:
        errors += init_containers(init, regular, around, child(path, "initContainers"))
    if ephemeral:
        errors += ephemeral_containers(ephemeral, regular + init, around, child(path, "ephemeralContainers"))
    if spec.get("resources") is not None:
        errors += pod_resources(spec, around.claims, child(path, "resources"))
    if spec.get("hostNetwork"):
        errors += ports_on_host(regular, child(path, "containers"), is_pod=pod_meta is not None)
    errors += _policies(spec, path) + _placement(spec, path) + late_fields(spec, path)
    if spec.get("overhead") is not None:
        errors += overhead(spec["overhead"], child(path, "overhead"))
    if spec.get("os") is not None:
        errors += operating_system(spec, path)
    return errors + file_volumes(spec.get("volumes") or [], every_container(spec, path))


def _storage(spec: Obj, path: str, pod_meta: Obj | None) -> tuple[Errors, Around]:
    """The grace period, volumes and claims, and what containers need of them."""
    meta, grace = pod_meta or {}, spec.get("terminationGracePeriodSeconds")
    errors: Errors = [] if grace is not None else [required(child(path, "terminationGracePeriodSeconds"))]
    known, found = volumes(spec.get("volumes") or [], meta.get("name") or "" if pod_meta is not None else None, f"{path}.volumes")
    errors += found
    claims: list[Obj] = spec.get("resourceClaims") or []
    if claims:
        errors += pod_claims(claims, child(path, "resourceClaims"), static=MIRROR in (meta.get("annotations") or {}))
    names = {c["name"] for c in claims if c.get("name")}
    return errors, Around(known, names, grace, spec.get("restartPolicy") or "", spec.get("hostUsers") is not False)


def _policies(spec: Obj, path: str) -> Errors:
    errors: Errors = []
    restarts, dns = spec.get("restartPolicy"), spec.get("dnsPolicy")
    if restarts not in RESTART_POLICIES:
        errors += choice(restarts, RESTART_POLICIES, child(path, "restartPolicy"))
    if dns not in DNS_POLICIES:
        errors += choice(dns, DNS_POLICIES, child(path, "dnsPolicy"))
    return errors


def _placement(spec: Obj, path: str) -> Errors:
    """From the node selector to the host's name."""
    get = spec.get
    errors = labels(get("nodeSelector"), f"{path}.nodeSelector") + pod_context(spec, f"{path}.securityContext")
    if (wanted := get("affinity")) is not None:
        errors += affinity(wanted, f"{path}.affinity")
    config, policy = get("dnsConfig"), get("dnsPolicy") or ""
    if config is not None or policy == "None":
        errors += dns_config(config, policy, child(path, "dnsConfig"))
    if gates := get("readinessGates"):
        errors += readiness_gates(gates, child(path, "readinessGates"))
    if gates := get("schedulingGates"):
        errors += scheduling_gates(gates, child(path, "schedulingGates"))
    if constraints := get("topologySpreadConstraints"):
        errors += spread_constraints(constraints, child(path, "topologySpreadConstraints"))
    errors += host_processes(spec, path)
    if get("hostUsers") is False:
        errors += own_users(spec, path)
    return errors if get("hostnameOverride") is None else errors + hostname_override(spec, path)


def validate_template(template: Obj, path: str, old: Obj | None = None) -> Errors:
    """A template that is as it was (`old`) was looked at when it came."""
    if old is not None and template == old:
        return []
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    annotations, at = meta.get("annotations"), child(path, "spec")
    errors = labels(meta.get("labels"), child(path, "labels"))
    if annotations:
        errors += annotation_map(annotations, child(path, "annotations")) + pod_annotations(annotations, spec, child(path, "annotations"))
    errors += validate_pod_spec(spec, at) + profiles_agree(annotations, spec, at)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden(child(at, "ephemeralContainers"), "ephemeral containers not allowed in pod template"))
    return errors


def validate_pod(pod: Obj) -> Errors:
    """A new pod, without the errors of metadata that every kind has."""
    spec, annotations = pod.get("spec") or {}, (pod.get("metadata") or {}).get("annotations")
    errors = validate_again(pod)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return errors + profiles_agree(annotations, spec, "spec")


def validate_again(pod: Obj) -> Errors:
    """The rules of a pod at every write of its spec: those of a spec, and those that templates are spared."""
    spec, meta = pod.get("spec") or {}, pod.get("metadata") or {}
    errors = pod_annotations(meta.get("annotations"), spec, "metadata.annotations") + validate_pod_spec(spec, "spec", pod_meta=meta)
    if not spec.get("serviceAccountName"):
        errors += _no_tokens(spec)
    for kind in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            errors += trimmed_image(container, f"spec.{kind}[{i}]")
    return errors


def _no_tokens(spec: Obj) -> Errors:
    text = "must not be specified when serviceAccountName is not set"
    return [
        forbidden(f"spec.volumes[{i}].projected.sources[{j}].serviceAccountToken", text)
        for i, volume in enumerate(spec.get("volumes") or ())
        for j, source in enumerate((volume.get("projected") or {}).get("sources") or ())
        if source.get("serviceAccountToken") is not None
    ]
