"""`create`: objects of files, and a Deployment from the command line.

Source: kubectl pkg/cmd/create (create.go, create_deployment.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wherry.cli.kube import program
from wherry.cli.kube.command import KubeCommand, KubeGroup, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import CAUSE, DRY_RUN, FILES, OUTPUT, RECORD, SELECTOR, VALIDATE, manager

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.session import Kube

SAVE = Flag("save-config", "If true, the configuration of current object will be saved in its annotation.", kind="bool")
_FLAGS = joined((FILES, SELECTOR, DRY_RUN, OUTPUT, RECORD, VALIDATE, SAVE, manager("kubectl-create")))
_DEPLOYMENT = joined((
    DRY_RUN, OUTPUT, VALIDATE, SAVE, CAUSE, manager("kubectl-create"),
    Flag("image", "Image names to run. A deployment can have multiple images set for multi-container pod.", kind="strings", required=True),
    Flag("port", "The containerPort that this deployment exposes.", kind="int", default=-1),
    Flag("replicas", "Number of replicas to create.", short="r", kind="int", default=1),
))


async def _files(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError, collected, with_source
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.printing import dry_run, printer
    from wherry.cli.kube.recording import recorded

    dry = dry_run(kube)
    if not given["filename"] and not given["kustomize"]:
        raise CommandError("must specify one of -f and -k")
    validation = directive(given)
    found = await gather(kube, query(kube, latest=False, strict=validation != "Ignore"))
    errors = list(found.errors)
    show = printer(kube, "created", dry=dry)
    for info in found.infos:
        obj = recorded(saved(info.object) if given["save-config"] else info.object, kube.cause)
        try:
            created = obj if dry == "client" else await kube.client.create(info.resource, info.namespace, obj,
                                                                           options=_options(given, dry, validation))
            kube.out(show(created))
        except StatusError as error:
            errors.append(with_source(error, "creating", info.source))
    collected(errors)
    if not found.infos:
        raise CommandError("no objects passed to create")


def directive(given: Given) -> str:
    """The server's fieldValidation for --validate. Raises CommandError."""
    from wherry.cli.kube.errors import CommandError

    text = str(given["validate"])
    for value, words in (("Strict", ("true", "strict")), ("Warn", ("warn",)), ("Ignore", ("false", "ignore"))):
        if text.lower() in words:
            return value
    raise CommandError(f'invalid - validate option "{text}"; must be one of: strict (or true), warn, ignore (or false)')


def _options(given: Given, dry: str, validation: str) -> Any:
    from wherry.api.options import WriteOptions

    return WriteOptions(field_manager=given["field-manager"], dry_run=dry == "server", field_validation=validation)


def saved(obj: Obj) -> Obj:
    """The object with itself in the annotation that `apply` reads."""
    from wherry.cli.kube.applied import annotated

    return annotated(obj)


class _Create(KubeGroup):
    """A group that also does something without a subcommand: `create -f FILE`."""

    def __init__(self) -> None:
        super().__init__("create", {"deployment": ("wherry.cli.kube.create", "deployment", "Create a deployment with the specified name")},
                         summary="Create objects from files (-f, -k), or a Deployment from the command line.")
        self._files = KubeCommand("create", _files, _FLAGS, usage="-f FILENAME", summary=self.help or "")

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] == "deploy":
            args = ["deployment", *args[1:]]
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._files.format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] in ("deployment", "deploy"):
            return click.Group.parse_args(self, ctx, args)
        if args and not args[0].startswith("-"):
            click.echo(f"error: wherry creates {args[0]} from manifests only (-f); deployment is the one kind it makes from flags",
                       err=True)
            ctx.exit(1)
        ctx.meta["files"] = True
        return self._files.parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        return self._files.invoke(ctx) if ctx.meta.get("files") else click.Group.invoke(self, ctx)


create = _Create()


async def _deployment(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.api.resources import resource
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.printing import dry_run, printer
    from wherry.cli.kube.recording import recorded

    if len(given.arguments) != 1 and given.after_dash != 1:
        path = " ".join([program.name(), *kube.path])
        raise CommandError(f"exactly one NAME is required, got {len(given.arguments)}\nSee '{path} -h' for help and examples")
    name, *command = given.arguments
    if len(given["image"]) > 1 and command:
        raise CommandError("cannot specify multiple --image options and command")
    dry = dry_run(kube)
    obj = recorded(_made(kube, given, name, command), kube.cause)
    if given["save-config"]:
        obj = saved(obj)
    if dry != "client":
        try:
            obj = await kube.client.create(resource("deployments", "apps"), kube.namespace, obj,
                                           options=_options(given, dry, directive(given)))
        except StatusError as error:
            raise CommandError(f"failed to create deployment: {error.message}") from None
    kube.out(printer(kube, "created", dry=dry)(obj))


def _made(kube: Kube, given: Given, name: str, command: list[str]) -> Obj:
    labels = {"app": name}
    containers: list[Obj] = [{"name": container_name(image), "image": image, **({"command": command} if command else {}), "resources": {}}
                             for image in given["image"]]
    if given["port"] >= 0 and containers:
        containers[0]["ports"] = [{"containerPort": given["port"]}]
    meta: Obj = {"name": name, "labels": labels, **({"namespace": kube.namespace} if kube.enforced else {})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
            "spec": {"replicas": given["replicas"], "selector": {"matchLabels": labels}, "strategy": {},
                     "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}, "status": {}}


def container_name(image: str) -> str:
    """The last part of an image's name, without tag and digest; a random suffix when characters had to be replaced."""
    import random

    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    if "_" in name or "." in name:
        suffix = "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        return f"{name.replace('_', '-').replace('.', '-')}-{suffix}"
    return name


deployment = KubeCommand("deployment", _deployment, _DEPLOYMENT, usage="NAME --image=image -- [COMMAND] [args...]",
                         summary="Create a Deployment with the given name and images.")
