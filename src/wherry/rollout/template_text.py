"""A pod template as text, as `rollout history --revision` and `rollout undo --dry-run=client` show it.

Called by the command line; a pure function of the template. Lines hold tabs where a describer would align columns: the reference prints
them as they are here, without alignment.
Source: kubectl pkg/describe DescribePodTemplate.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rollout import volume_text
from wherry.rules.objects import selectors
from wherry.rules.texts.go_values import sprint

#: annotations longer than this are put on lines of their own, cut off
_LONG = 140
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def describe(template: Obj) -> str:
    """The whole template, a line feed at its end."""
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    out = ["Pod Template:", *pairs("  Labels", meta.get("labels") or {})]
    if meta.get("annotations"):
        out += notes("  Annotations", meta["annotations"])
    if spec.get("serviceAccountName"):
        out.append(f"  Service Account:\t{spec['serviceAccountName']}")
    if spec.get("initContainers"):
        out += _containers("Init Containers", spec["initContainers"])
    out += _containers("Containers", spec.get("containers") or [])
    out += _volumes(spec.get("volumes") or [])
    out += _spread(spec.get("topologySpreadConstraints") or [])
    if spec.get("priorityClassName"):
        out.append(f"  Priority Class Name:\t{spec['priorityClassName']}")
    out += pairs("  Node-Selectors", spec.get("nodeSelector") or {})
    out += _tolerations(spec.get("tolerations") or [])
    if spec.get("schedulingGroup"):
        out += ["  SchedulingGroup:", f"  PodGroupName:\t{spec['schedulingGroup'].get('podGroupName', '')}"]
    return "".join(line.replace("\x1b", "^[").replace("\r", "\\r") + "\n" for line in out)


def pairs(title: str, values: dict[str, str]) -> list[str]:
    """Labels, one a line, sorted."""
    shown = [f"{key}={values[key]}" for key in sorted(values)]
    return _listed(title, shown)


def _listed(title: str, shown: list[str]) -> list[str]:
    return [f"{title}:\t{shown[0]}", *(f"\t{line}" for line in shown[1:])] if shown else [f"{title}:\t<none>"]


def notes(title: str, values: dict[str, str]) -> list[str]:
    """Annotations, sorted; long ones cut off, those with several lines indented; the last applied configuration left out."""
    shown: list[str] = []
    for key in sorted(values.keys() - {_LAST_APPLIED}):
        value = values[key].removesuffix("\n")
        if len(value.encode()) + len(key) + 2 <= _LONG and "\n" not in value:
            shown.append(f"{key}: {value}")
        else:
            lines = "\n".join(f"\t  {_shortened(line, _LONG - 2)}" for line in value.split("\n"))
            shown.append(f"{key}:\n{lines}")
    return _listed(title, shown)


def _shortened(text: str, size: int) -> str:
    data = text.encode()
    return text if len(data) <= size else data[:size].decode("utf-8", "replace") + "..."


def _containers(label: str, containers: list[Obj]) -> list[str]:
    out = [f"  {label}:" + ("" if containers else " <none>")]
    for container in containers:
        out += [f"   {container['name']}:", *_basics(container), *_command(container), *_resources(container.get("resources") or {})]
        out += [f"    {title}:\t{probe(container[name])}" for title, name in
                (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")) if container.get(name)]
        out += _environment_from(container) + _environment(container) + _mounts(container)
    return out


def _basics(container: Obj) -> list[str]:
    ports = container.get("ports") or []
    own, host = (", ".join(_port(p, name) for p in ports) for name in ("containerPort", "hostPort"))
    many = "s" if "," in own else ""
    out = [f"    Image:\t{container.get('image', '')}", f"    Port{many}:\t{own or '<none>'}", f"    Host Port{many}:\t{host or '<none>'}"]
    profile = (container.get("securityContext") or {}).get("seccompProfile")
    if profile:
        out.append(f"    SeccompProfile:\t{profile.get('type', '')}")
        if profile.get("type") == "Localhost":
            out.append(f"      LocalhostProfile:\t{profile.get('localhostProfile', '')}")
    return out


def _port(port: Obj, name: str) -> str:
    text = f"{port.get(name, 0)}/{port.get('protocol', 'TCP')}"
    return f"{text} ({port['name']})" if port.get("name") else text


def _command(container: Obj) -> list[str]:
    out: list[str] = []
    for title, name in (("Command", "command"), ("Args", "args")):
        if container.get(name):
            out += [f"    {title}:", *(f"      {line}" for word in container[name] for line in word.split("\n"))]
    return out


def _resources(resources: Obj) -> list[str]:
    out: list[str] = []
    for title, name in (("Limits", "limits"), ("Requests", "requests")):
        values = resources.get(name) or {}
        if values:
            out += [f"    {title}:", *(f"      {key}:\t{quantity.canonical(values[key])}" for key in sorted(values))]
    return out


def probe(found: Obj) -> str:
    """A probe in one line."""
    numbers = " ".join(f"{label}={found.get(name, 0)}{unit}" for label, name, unit in (
        ("delay", "initialDelaySeconds", "s"), ("timeout", "timeoutSeconds", "s"), ("period", "periodSeconds", "s"),
        ("#success", "successThreshold", ""), ("#failure", "failureThreshold", "")))
    if "exec" in found:
        return f"exec {sprint(found['exec'].get('command') or [])} {numbers}"
    if "httpGet" in found:
        get = found["httpGet"]
        host = get.get("host", "")
        host = f"[{host}]" if ":" in host else host
        path = get.get("path", "")
        slash = "/" if path and not path.startswith("/") else ""
        return f"http-get {get.get('scheme', '').lower()}://{host}:{get.get('port', 0)}{slash}{path} {numbers}"
    if "tcpSocket" in found:
        return f"tcp-socket {found['tcpSocket'].get('host', '')}:{found['tcpSocket'].get('port', 0)} {numbers}"
    if "grpc" in found:
        return f"grpc <pod>:{found['grpc'].get('port', 0)} {found['grpc'].get('service') or ''} {numbers}"
    return f"unknown {numbers}"


def _environment_from(container: Obj) -> list[str]:
    sources = container.get("envFrom") or []
    out = ["    Environment Variables from:"] if sources else []
    for source in sources:
        kind, ref = ("ConfigMap", source["configMapRef"]) if "configMapRef" in source else ("Secret", source.get("secretRef") or {})
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        out.append(f"      {ref.get('name', '')}\t{kind}{prefix}\tOptional: {sprint(ref.get('optional', False))}")
    return out


def _environment(container: Obj) -> list[str]:
    variables = container.get("env") or []
    out = ["    Environment:" + ("" if variables else "\t<none>")]
    for variable in variables:
        name, source = variable["name"], variable.get("valueFrom")
        if source is None:
            first, *rest = variable.get("value", "").split("\n")
            out += [f"      {name}:\t{first}", *(f"      \t{line}" for line in rest)]
        elif text := _value_from(source, container):
            out.append(f"      {name}:\t{text}")
    return out


def _value_from(source: Obj, container: Obj) -> str:
    if "fieldRef" in source:
        return f" ({source['fieldRef'].get('apiVersion', '')}:{source['fieldRef'].get('fieldPath', '')})"
    if "resourceFieldRef" in source:
        name = source["resourceFieldRef"].get("resource", "")
        value = resource_value(source["resourceFieldRef"], container)
        return f"{'node allocatable' if value == '0' and name in ('limits.cpu', 'limits.memory') else value} ({name})"
    for kind, key, middle in (("secret", "secretKeyRef", "in"), ("config map", "configMapKeyRef", "of")):
        if key in source:
            ref = source[key]
            return (f"<set to the key '{ref.get('key', '')}' {middle} {kind} '{ref.get('name', '')}'>"
                    f"\tOptional: {sprint(ref.get('optional', False))}")
    return ""


def resource_value(selector: Obj, container: Obj) -> str:
    """A container's own limit or request, in units of the selector's divisor, rounded up; "" for a resource that cannot be asked for."""
    kind, _, name = selector.get("resource", "").partition(".")
    if kind not in ("limits", "requests") or not (name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-")):
        return ""
    value = ((container.get("resources") or {}).get(kind) or {}).get(name, "0")
    divisor = quantity.parse(selector.get("divisor") or "0") or 1
    return str(ceil(quantity.parse(value) / divisor))


def _mounts(container: Obj) -> list[str]:
    mounts, devices = container.get("volumeMounts") or [], container.get("volumeDevices") or []
    out = ["    Mounts:" + ("" if mounts else "\t<none>")]
    for mount in sorted(mounts, key=lambda m: m.get("mountPath", "")):
        flags = "ro" if mount.get("readOnly") else "rw"
        flags += f',path="{mount["subPath"]}"' if mount.get("subPath") else ""
        out.append(f"      {mount.get('mountPath', '')} from {mount.get('name', '')} ({flags})")
    if devices:
        out.append("    Devices:" + ("" if mounts else "\t<none>"))
        out += [f"      {d.get('devicePath', '')} from {d.get('name', '')}" for d in sorted(devices, key=lambda d: d.get("devicePath", ""))]
    return out


def _volumes(volumes: Iterable[Obj]) -> list[str]:
    out = [line for volume in volumes for line in (f"   {volume['name']}:", *volume_text.lines(volume))]
    return ["  Volumes:", *out] if out else ["  Volumes:\t<none>"]


def _spread(constraints: list[Obj]) -> list[str]:
    shown = []
    for rule in sorted(constraints, key=lambda c: c.get("topologyKey", "")):
        text = f"{rule.get('topologyKey', '')}:{rule.get('whenUnsatisfiable', '')} when max skew {rule.get('maxSkew', 0)} is exceeded"
        if rule.get("labelSelector") is not None:
            text += f" for selector {str(selectors.from_label_selector(rule['labelSelector'])) or '<none>'}"
        shown.append(text)
    return [f"  Topology Spread Constraints:\t{shown[0]}", *(f"  \t{line}" for line in shown[1:])] if shown else []


def _tolerations(tolerations: list[Any]) -> list[str]:
    return _listed("  Tolerations", [_toleration(t) for t in sorted(tolerations, key=lambda t: t.get("key", ""))])


def _toleration(toleration: Obj) -> str:
    key, value, effect = (str(toleration.get(k, "")) for k in ("key", "value", "effect"))
    text = key + (f"={value}" if value else "") + (f":{effect}" if effect else "")
    if toleration.get("operator") == "Exists" and not value:
        text += " op=Exists" if key or effect else "op=Exists"
    if toleration.get("tolerationSeconds") is not None:
        text += f" for {toleration['tolerationSeconds']}s"
    return text
