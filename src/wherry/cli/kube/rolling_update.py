"""`rolling-update`: one ReplicationController replaced by another, as kubectl did it until 1.17.

Source: kubectl 1.17 pkg/kubectl/cmd/rollingupdate/rollingupdate.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube import program
from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import FILES, RECORD

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.session import Kube
    from wherry.rollout.rolling_update import RollingUpdate

_FLAGS = joined((
    FILES, RECORD,
    Flag("update-period", "Time to wait between updating pods.", kind="duration", default=60.0),
    Flag("poll-interval", "Time delay between polling for replication controller status after the update.", kind="duration", default=3.0),
    Flag("timeout", "Max time to wait for a replication controller to update before giving up.", kind="duration", default=300.0),
    Flag("image", "Image to use for upgrading the replication controller. Must be distinct from the existing image."),
    Flag("image-pull-policy", "Explicit policy for when to pull container images. Required when --image is same as existing image."),
    Flag("deployment-label-key", "The key to use to differentiate between two different controllers.", default="deployment"),
    Flag("container", "Container name which will have its image upgraded. Required for a multi-container pod."),
    Flag("dry-run", "If true, only print out the changes that would be made.", kind="bool"),
    Flag("rollback", "If true, this is a request to abort an existing rollout that is partially rolled out.", kind="bool"),
    Flag("output", "Output mode. Use \"-o name\" for shorter output (resource/name).", short="o"),
))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.rollout.rolling_controllers import check
    from wherry.rollout.rolling_update import RollingUpdate, Settings

    _validate(given)
    update = RollingUpdate(kube.client, kube.namespace, lambda line: kube.out(line + "\n"))
    name, file = given.arguments[0], (given["filename"] or ("",))[0]
    old = await update.find(name)
    if old is None:
        await _resume_without_old(kube, update, name)
        return
    keep = bool(given["image"]) and len(given.arguments) == 1
    new = await _new_from_file(kube, file) if file else None
    if given["rollback"]:
        new = await _to_roll_back(update, given, old, new)
    elif new is None:
        old, new = await _new_from_image(kube, update, old)
    assert new is not None
    if "replicas" not in new["spec"]:
        new = {**new, "spec": {**new["spec"], "replicas": old["spec"].get("replicas", 1)}}
    check(old, new, file)
    if given["dry-run"]:
        kube.out(f"Rolling from:\n{name}\nTo:\n{new['metadata']['name']}\n")
        return
    settings = Settings(given["update-period"], given["poll-interval"], given["timeout"], keep and not given["rollback"])
    if given["rollback"]:
        old, new = await update.abort(old, new)
    left = await update.run(old, _with_cause(new, kube.cause), settings)
    _done(kube, name, left["metadata"]["name"])


def _validate(given: Given) -> None:
    from wherry.cli.kube.errors import CommandError

    def usage(text: str) -> CommandError:
        return CommandError(f"{text}\nSee '{program.name()} rolling-update -h' for help and examples")

    if not given["deployment-label-key"]:
        raise usage("--deployment-label-key can not be empty")
    if len(given["filename"]) > 1:
        raise usage("May only specify a single filename for new controller")
    if not given["rollback"]:
        if not given["filename"] and not given["image"]:
            raise usage("Must specify --filename or --image for new controller")
        if given["filename"] and given["image"]:
            raise usage("--filename and --image can not both be specified")
    elif given["filename"] or given["image"]:
        raise usage("Don't specify --filename or --image on rollback")
    if not given.arguments:
        raise usage("Must specify the controller to update")
    if len(given.arguments) > 2:
        raise usage(f"Must specify the old and at most one new controller, got {len(given.arguments)}")


def _with_cause(rc: Obj, cause: str) -> Obj:
    from wherry.cli.kube.recording import recorded

    return recorded(rc, cause)


def _done(kube: Kube, old: str, left: str) -> None:
    if kube.given["output"] == "name":
        kube.out(f"replicationcontroller/{old}\n")
    else:
        kube.out(f'replicationcontroller "{old}" rolling updated' + (f' to "{left}"\n' if left != old else "\n"))


async def _resume_without_old(kube: Kube, update: RollingUpdate, name: str) -> None:
    """The old controller is gone: an update was interrupted near its end, or there never was one."""
    from wherry.api.errors import NotFound, not_found

    successor = await update.successor(name)
    try:
        if kube.given["image"] and len(kube.given.arguments) == 1:
            left = await (update.rename(successor, name) if successor is not None else update.restore(name))
        elif successor is not None:
            left = await update.finish(successor)
        else:
            raise NotFound(name)
    except NotFound:
        raise not_found("replicationcontrollers", name) from None
    _done(kube, name, left["metadata"]["name"])


async def _new_from_file(kube: Kube, file: str) -> Obj:
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.gather import gather, query

    found = await gather(kube, query(kube, [], latest=False))
    found.raise_errors()
    if not found.infos:
        raise CommandError(f"please make sure {file} exists and is not empty")
    if len(found.infos) > 1:
        raise CommandError(f"{file} specifies multiple items")
    info = found.infos[0]
    if info.resource.kind != "ReplicationController":
        raise CommandError(f"{file} contains a {info.resource.api_version}, Kind={info.resource.kind} not a ReplicationController")
    return info.object


def _next_name(given: Given, old: Obj) -> str:
    from wherry.api.objects import annotations_of
    from wherry.rollout.rolling_controllers import NEXT

    return given.arguments[1] if len(given.arguments) > 1 else annotations_of(old).get(NEXT, "")


async def _to_roll_back(update: RollingUpdate, given: Given, old: Obj, new: Obj | None) -> Obj:
    from wherry.cli.kube.errors import CommandError

    name = _next_name(given, old) or (new["metadata"]["name"] if new else "")
    successor = await update.find(name) or await update.successor(old["metadata"]["name"])
    if successor is None:
        raise CommandError(f"Could not find {name} to rollback.\nSee '{program.name()} rolling-update -h' for help and examples")
    return successor


async def _new_from_image(kube: Kube, update: RollingUpdate, old: Obj) -> tuple[Obj, Obj]:
    """The old controller, marked, and the next one: found in progress, or made from the old with another image."""
    from wherry.cli.kube.errors import CommandError
    from wherry.rollout.rolling_controllers import digest, with_image

    given = kube.given
    image, name = given["image"], _next_name(given, old)
    new = await update.find(name)
    if new is not None:
        current = new["spec"]["template"]["spec"]["containers"][0]["image"]
        if current != image:
            raise CommandError(f"Found existing in-progress update to image ({current}).\nEither continue in-progress update with "
                               f"--image={current} or rollback with --rollback")
        kube.out(f"Found existing update in progress ({new['metadata']['name']}), resuming.\n")
    else:
        if old["spec"]["template"]["spec"]["containers"][0].get("image") == image and not given["image-pull-policy"]:
            raise CommandError("--image-pull-policy (Always|Never|IfNotPresent) must be provided when --image is the same as existing "
                               "container image")
        new = with_image(old, image, container=given["container"], new_name=name, key=given["deployment-label-key"],
                         pull_policy=given["image-pull-policy"])
    if given["dry-run"]:
        marked = {**(old["spec"].get("selector") or {}), given["deployment-label-key"]: digest(old)}
        return {**old, "spec": {**old["spec"], "selector": marked}}, new
    old = await update.tell_apart(old, given["deployment-label-key"], digest(old) + "-orig")
    return await update.point_to(old, new["metadata"]["name"]), new


rolling_update = KubeCommand(
    "rolling-update", _run, _FLAGS,
    usage="OLD_CONTROLLER_NAME ([NEW_CONTROLLER_NAME] --image=NEW_CONTAINER_IMAGE | -f NEW_CONTROLLER_SPEC)",
    summary="Replace one ReplicationController by another, pod by pod. Interrupted, the same command goes on where it was.")
