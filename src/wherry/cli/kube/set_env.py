"""`set env`: environment variables of containers.

Source: kubectl pkg/cmd/set/set_env.go, pkg/cmd/set/env (env_parse.go, env_resolve.go).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import ALL, CAUSE, DRY_RUN, FILES, LIST, LOCAL, OUTPUT, SELECTOR, manager

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR, ALL, LOCAL, DRY_RUN, CAUSE, OUTPUT, manager("kubectl-set"), LIST,
    Flag("containers", "The names of containers in the selected pod templates to change - may use wildcards.", short="c", default="*"),
    Flag("from", "The name of a resource from which to inject environment variables."),
    Flag("prefix", "Prefix to append to variable names."),
    Flag("env", "Specify a key-value pair for an environment variable to set into each container.", short="e", kind="array"),
    Flag("keys", "Comma-separated list of keys to import from specified resource.", kind="strings"),
    Flag("resolve", "If true, show secret or configmap references when listing variables.", kind="bool"),
    Flag("overwrite", "If true, allow environment to be overwritten, otherwise reject updates that overwrite.", kind="bool", default=True),
))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube import environment
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.templates import edit, run, selected

    words, changes = environment.split(given.arguments)
    _check(given, words)
    variables, removed = environment.parse([*given["env"], *changes], sys.stdin)
    if given["from"]:
        variables += await _imported(kube, given)
    variables = [{**v, "name": given["prefix"] + v["name"]} for v in variables]

    def change(info: Info, spec: Obj, errors: list[Exception]) -> Obj | None:
        names = selected(spec, given["containers"])
        if not names:
            kube.err(f'Warning: {info.resource.kind}/{info.name} does not have any containers matching "{given["containers"]}"\n')
            return None
        if not given["overwrite"]:
            environment.check_overwrite(info.shown,
                                        [c for f in ("containers", "initContainers") for c in spec.get(f) or () if c["name"] in names],
                                        variables)
        return edit(spec, names, lambda c: environment.applied(c, variables, removed))

    if given["list"]:
        await _list(kube, words, variables, removed)
        return
    if not variables and not changes and not removed:
        raise CommandError("at least one environment variable must be provided")
    await run(kube, words, change, "env updated", "failed to patch env update to pod template:", records=False)


def _check(given: Given, words: list[str]) -> None:
    from wherry.cli.kube.errors import CommandError

    if given["all"] and given["selector"]:
        raise CommandError("cannot set --all and --selector at the same time")
    if not given["filename"] and not words:
        raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if given["list"] and given["output"]:
        raise CommandError("--list and --output may not be specified together")
    if given["keys"] and not given["from"]:
        raise CommandError("when specifying --keys, a configmap or secret must be provided with --from")


async def _imported(kube: Kube, given: Given) -> list[Obj]:
    """A variable for every key of a ConfigMap or Secret."""
    from wherry.cli.kube import environment
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.gather import Query, gather

    found = await gather(kube, Query((given["from"],)))
    found.raise_errors()
    variables: list[Obj] = []
    for info in found.infos:
        if info.resource.kind not in ("Secret", "ConfigMap"):
            raise CommandError("unsupported resource specified in --from")
        for key in sorted(info.object.get("data") or {}):
            if given["keys"] and key not in given["keys"]:
                continue
            name = environment.name_of(key)
            if name != key:
                kube.err(f"Warning: key {key} transferred to {name}\n")
            reference = "secretKeyRef" if info.resource.kind == "Secret" else "configMapKeyRef"
            variables.append({"name": name, "valueFrom": {reference: {"name": info.name, "key": key}}})
    return variables


async def _list(kube: Kube, words: list[str], variables: list[Obj], removed: list[str]) -> None:
    """What is there, with the changes that were asked for; nothing is sent."""
    from wherry.cli.kube import environment
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.templates import _PLACES, selected

    found = await gather(kube, query(kube, words, everything=kube.given["all"]))
    found.raise_errors()
    for info in found.infos:
        spec = info.object
        for name in _PLACES.get(info.resource.kind, ()):
            spec = spec.get(name) or {}
        names = selected(spec, kube.given["containers"])
        for container in [c for f in ("containers", "initContainers") for c in spec.get(f) or () if c["name"] in names]:
            kube.out(f"# {info.resource.kind} {info.name}, container {container['name']}\n")
            for variable in environment.applied(container, variables, removed).get("env") or ():
                value, error = await environment.resolved(kube, info, container, variable) if kube.given["resolve"] else ("", "")
                kube.out(environment.shown(variable, value) + "\n")
                if error:
                    kube.err(f"error retrieving reference for {variable['name']}: {error}\n")


env = KubeCommand("env", _run, _FLAGS, usage="RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
                  summary="Set, remove or list environment variables of objects with a pod template.")
