"""How a changed or read object is shown: the flag -o to a function from object to text.

Called by every command that changes or reads objects. Without -o it is one line, `deployment.apps/web scaled`.
Source: cli-runtime pkg/genericclioptions (print_flags.go), pkg/printers (name.go, json.go, yaml.go).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wherry.api.objects import Obj
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.text import values

if TYPE_CHECKING:
    from wherry.cli.kube.session import Kube

Printer = Callable[[Obj], str]
FORMATS = ("go-template", "go-template-file", "json", "jsonpath", "jsonpath-as-json", "jsonpath-file", "name", "template", "templatefile",
           "yaml")
_TEMPLATES = ("go-template", "go-template-file", "template", "templatefile")
DRY_RUNS = {"none": "", "client": " (dry run)", "server": " (server dry run)"}


def dry_run(kube: Kube) -> str:
    """none, client or server."""
    text = kube.given.get("dry-run", "none")
    if text in DRY_RUNS:
        return str(text)
    if text == "unchanged":
        kube.err("W --dry-run is deprecated and can be replaced with --dry-run=client.\n")
        return "client"
    if text in ("true", "false"):
        raise CommandError(f'Invalid dry-run value ({text}). Must be "none", "server", or "client".')
    raise CommandError(f'Invalid dry-run value ({text}). Must be "none", "server", or "client".')


def printer(kube: Kube, operation: str, *, dry: str = "none") -> Printer:
    """For the command's -o. Raises CommandError for a format that does not exist."""
    output = str(kube.given.get("output", ""))
    if not output:
        suffix = operation + DRY_RUNS[dry]
        return lambda obj: named(obj, suffix)
    return whole(kube, output)


def whole(kube: Kube, output: str, allowed: tuple[str, ...] = FORMATS) -> Printer:
    """A printer of complete objects. Documents of YAML that follow the first are separated."""
    kind, _, argument = output.partition("=")
    keep = bool(kube.given.get("show-managed-fields"))
    if kind == "name":
        return named
    if kind == "json":
        return lambda obj: values.indented(shown(obj, keep)) + "\n"
    if kind == "yaml":
        return _Documents(keep).text
    if kind.startswith("jsonpath") and kind in allowed:
        return _jsonpath(kube, kind, argument or str(kube.given.get("template", "")))
    if kind in _TEMPLATES and kind in allowed:
        raise CommandError(f"-o {kind} is not supported: Go templates need Go; -o jsonpath says the same")
    formats = ",".join(sorted(allowed))
    raise CommandError(f'unable to match a printer suitable for the output format "{output}", allowed formats are: {formats}')


class _Documents:
    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._count = 0

    def text(self, obj: Obj) -> str:
        self._count += 1
        return ("---\n" if self._count > 1 else "") + values.yaml(shown(obj, self._keep))


def _jsonpath(kube: Kube, kind: str, template: str) -> Printer:
    from wherry.rules.texts.jsonpath import JsonPathError, parse, render

    if not template:
        raise CommandError("template format specified but no template given")
    if kind == "jsonpath-file":
        try:
            template = Path(template).read_text()
        except OSError as error:
            raise CommandError(f"error reading --template {template}, open {template}: {(error.strerror or '').lower()}\n") from None
    try:
        parse(template)
    except JsonPathError as error:
        raise CommandError(f"error parsing jsonpath {template}, {error}") from None
    missing = bool(kube.given.get("allow-missing-template-keys", True))

    def text(obj: Obj) -> str:
        try:
            return render(template, shown(obj, True), missing=missing, as_json=kind == "jsonpath-as-json")
        except JsonPathError as error:
            raise CommandError(f'error executing jsonpath "{template}": {error}') from None

    return text


def shown(obj: Obj, managed_fields: bool) -> Obj:
    """The object without managedFields, unless they are wanted; the items of a list likewise."""
    if managed_fields:
        return obj
    if isinstance(obj.get("items"), list):
        return {**obj, "items": [shown(item, False) for item in obj["items"]]}
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {k: v for k, v in meta.items() if k != "managedFields"}}


def named(obj: Obj, operation: str = "") -> str:
    """`deployment.apps/web scaled`; the items of a list one by one."""
    if isinstance(obj.get("items"), list) and str(obj.get("kind", "")).endswith("List"):
        return "".join(named(item, operation) for item in obj["items"])
    name = (obj.get("metadata") or {}).get("name") or "<unknown>"
    return f"{kind_of(obj)}/{name}{' ' if operation else ''}{operation}\n"


def kind_of(obj: Obj) -> str:
    """`deployment.apps`."""
    group, slash, _ = str(obj.get("apiVersion", "")).rpartition("/")
    kind = str(obj.get("kind") or "<unknown>").lower()
    return f"{kind}.{group}" if slash and group else kind


def as_list(objects: list[Any]) -> Obj:
    return {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}
