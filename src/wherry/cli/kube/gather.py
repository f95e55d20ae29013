"""What a command is about: words, selectors and files to objects, read from the server where they are not at hand.

Called by every command that acts on objects. Errors of single objects are collected beside what was found, as commands go on with the rest.
Source: cli-runtime pkg/resource builder.go (ResourceTypeOrNameArgs, visitBySelector, visitByResource, visitByName, visitByPaths).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wherry.api.errors import BadRequest, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.cli.kube import program
from wherry.cli.kube.errors import CommandError, collected
from wherry.cli.kube.manifests import Files, Source, documents, flattened, is_single, sources

if TYPE_CHECKING:
    from wherry.cli.kube.session import Kube

CHUNK = 500
_NO_FILES = Files()
_MISSING = ("You must provide one or more resources by argument or filename.\nExample resource specifications include:\n"
            "   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'")
LOCAL_ONLY = ("error: you must specify resources by --filename when --local is set.\nExample resource specifications include:\n"
              "   '-f rsrc.yaml'\n   '--filename=rsrc.json'")


@dataclass(slots=True)
class Info:
    """One object of a command. `object` empty: only its name is known."""

    resource: Resource
    namespace: str
    name: str
    object: Obj = field(default_factory=dict)
    source: str = ""

    @property
    def shown(self) -> str:
        """`deployments/web`."""
        return f"{self.resource.plural}/{self.name}"


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for. `fetch`: read named objects; `latest`: read objects of files too; `everything`: a type alone means all of it."""

    words: tuple[str, ...] = ()
    files: Files = _NO_FILES
    selector: str = ""
    field_selector: str = ""
    all: bool = False
    all_namespaces: bool = False
    everything: bool = True
    fetch: bool = True
    latest: bool = True
    local: bool = False
    subresource: str = ""
    strict: bool = False


@dataclass(slots=True)
class Found:
    """What there is, what went wrong, and whether one single object was asked for."""

    infos: list[Info]
    errors: list[Exception]
    single: bool = False

    def raise_errors(self) -> None:
        collected(self.errors)


def files_of(kube: Kube) -> Files:
    """The files of a command line."""
    given = kube.given
    return Files(tuple(given["filename"]), given["kustomize"], given["recursive"])


def query(kube: Kube, words: list[str] | None = None, **changes: object) -> Query:
    """The query of a command line: its arguments (or `words`) and the flags that select."""
    given = kube.given
    asked = Query(tuple(given.arguments if words is None else words), files_of(kube), given.get("selector", ""),
                  given.get("field-selector", ""),
                  given.get("all", False), given.get("all-namespaces", False), local=given.get("local", False))
    return replace(asked, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Target:
    """One request: an object by its name, or (`name` empty) a list."""

    resource: Resource
    namespace: str
    name: str = ""


async def gather(kube: Kube, asked: Query) -> Found:
    """Raises CommandError when the question makes no sense."""
    asked.files.check()
    if asked.files:
        return await _by_files(kube, asked)
    wanted = await targets(kube, asked)
    found = Found([], [], single=len(wanted) == 1 and bool(wanted[0].name))
    for target in wanted:
        if target.name:
            info = Info(target.resource, target.namespace, target.name)
            await _fetch(kube, asked, info, found) if asked.fetch else found.infos.append(info)
        else:
            await _list(kube, asked, target, found)
    return found


async def targets(kube: Kube, asked: Query) -> list[Target]:
    """What arguments and selectors ask for, without files. Raises CommandError."""
    words = _normalized(list(asked.words))
    pairs = _pairs(words)
    if pairs is None and words:
        words[0] = ",".join([name for word in words[0].split(",") for name in await kube.mapper.expand(word)])
    if asked.selector or asked.field_selector or asked.all or (asked.everything and pairs is None and len(words) == 1):
        return await _lists(kube, asked, words, pairs)
    if pairs is None and len(words) >= 2:
        pairs = [(words[0], name) for name in words[1:]]
    if pairs is not None:
        return await _named(kube, asked, pairs)
    if words:
        for word in words[0].split(","):
            await kube.mapper.resource(word)
        raise CommandError("resource(s) were provided, but no name was specified")
    raise CommandError(_MISSING)


def _normalized(words: list[str]) -> list[str]:
    """`a,b x` as `a/x b/x`."""
    if len(words) >= 2 and "," in words[0]:
        return [f"{kind}/{name}" for kind in words[0].split(",") for name in words[1:]]
    return words


def _pairs(words: list[str]) -> list[tuple[str, str]] | None:
    """Words of the form kind/name; None when none is. Raises CommandError for a mixture."""
    slashed = [word for word in words if "/" in word]
    if not slashed:
        return None
    if len(slashed) != len(words):
        base = program.name()
        raise CommandError(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form "
            f"(e.g. '{base} get resource/<resource_name>' instead of '{base} get resource resource/<resource_name>'")
    found = []
    for word in words:
        kind, _, name = word.partition("/")
        if "/" in name:
            raise CommandError("arguments in resource/name form may not have more than one slash")
        if not kind or not name or "," in kind:
            raise CommandError("arguments in resource/name form must have a single resource and name")
        found.append((kind, name))
    return found


async def _named(kube: Kube, asked: Query, pairs: list[tuple[str, str]]) -> list[Target]:
    found = []
    for kind, name in pairs:
        row = await kube.mapper.resource(kind)
        if row.namespaced and asked.all_namespaces:
            raise CommandError("a resource cannot be retrieved by name across all namespaces")
        found.append(Target(row, kube.namespace if row.namespaced else "", name))
    return found


async def _fetch(kube: Kube, asked: Query, info: Info, found: Found) -> None:
    try:
        info.object = await kube.client.get(info.resource, info.namespace, info.name, subresource=asked.subresource)
        found.infos.append(info)
    except StatusError as error:
        found.errors.append(error)


async def _lists(kube: Kube, asked: Query, words: list[str], pairs: list[tuple[str, str]] | None) -> list[Target]:
    if pairs is not None:
        raise CommandError("selectors and the all flag cannot be used when passing resource/name arguments")
    if len(words) > 1:
        raise CommandError("name cannot be provided when a selector is specified")
    if not words:
        raise CommandError("at least one resource must be specified to use a selector")
    if asked.subresource:
        raise CommandError("subresource cannot be used when bulk resources are specified")
    rows = dict.fromkeys([await kube.mapper.resource(word) for word in words[0].split(",")])
    return [Target(row, "" if asked.all_namespaces or not row.namespaced else kube.namespace) for row in rows]


async def _list(kube: Kube, asked: Query, target: Target, found: Found) -> None:
    try:
        async for obj in listed(kube, target.resource, target.namespace, asked.selector, asked.field_selector):
            meta = obj["metadata"]
            found.infos.append(Info(target.resource, meta.get("namespace", ""), meta["name"], obj))
    except StatusError as error:
        found.errors.append(error)


async def listed(kube: Kube, row: Resource, namespace: str, selector: str = "", field_selector: str = "") -> AsyncIterator[Obj]:
    """All objects of a list, page by page, each with its kind."""
    token = ""
    while True:
        try:
            page = await kube.client.list(row, namespace, label_selector=selector, field_selector=field_selector, limit=CHUNK,
                                          continue_token=token)
        except (BadRequest, NotFound) as error:
            raise list_error(error, row, selector, field_selector) from None
        for item in page.items:
            yield {"apiVersion": row.api_version, "kind": row.kind, **item}
        token = page.continue_token
        if not token:
            return


def list_error(error: StatusError, row: Resource, selector: str, field_selector: str) -> StatusError:
    """The error of a list with what was asked for in front."""
    shown = f"{row.group}/{row.version}, Resource={row.plural}"
    start = f'Unable to list "{shown}"'
    if selector or field_selector:
        start = f'Unable to find "{shown}" that match label selector "{selector}", field selector "{field_selector}"'
    return StatusError.from_status({**error.to_status(), "message": f"{start}: {error.message}"})


# --- files ---
async def _by_files(kube: Kube, asked: Query) -> Found:
    if asked.words:
        raise CommandError("when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well")
    found = Found([], [], single=is_single(asked.files))
    for source in list(sources(asked.files)):
        try:
            for obj in documents(source):
                await _take_document(kube, asked, source, obj, found)
        except CommandError as error:
            found.errors.append(error)
    return found


async def _take_document(kube: Kube, asked: Query, source: Source, obj: Obj, found: Found) -> None:
    for part in flattened(obj) if isinstance(obj, dict) else ():
        check(part, source.name, validating=asked.strict)
        try:
            info = await info_of(kube, part, source.name)
            if asked.selector and not _matches(part, asked.selector):
                continue
            if asked.latest and not asked.local:
                await _fetch(kube, asked, info, found)
            else:
                found.infos.append(info)
        except CommandError as error:
            found.errors.append(error)


def _matches(obj: Obj, selector: str) -> bool:
    from wherry.rules.objects import selectors

    return selectors.parse(selector).matches((obj.get("metadata") or {}).get("labels") or {})


def check(obj: Obj, source: str, *, validating: bool) -> None:
    """A manifest says what it is. Raises CommandError."""
    missing = [name for name in ("apiVersion", "kind") if not obj.get(name)]
    if not missing:
        return
    if validating:
        texts = [f"{name} not set" for name in missing]
        shown = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        raise CommandError(f'error validating "{source}": error validating data: {shown}; if you choose to ignore these errors, '
                           "turn validation off with --validate=false")
    from wherry.cli.kube.text.values import compact

    name = "Kind" if "kind" in missing else "apiVersion"
    raise CommandError(f"unable to decode \"{source}\": Object '{name}' is missing in '{compact(obj)}'")


async def info_of(kube: Kube, obj: Obj, source: str) -> Info:
    """The object of a manifest, in the namespace it belongs to. Raises CommandError for an unknown kind or another namespace."""
    meta = obj.get("metadata") or {}
    row = await kube.mapper.kind(obj["apiVersion"], obj["kind"]) if not kube.given.get("local") else _local(obj)
    if row is None:
        raise CommandError(
            f'resource mapping not found for name: "{meta.get("name", "")}" namespace: "{meta.get("namespace", "")}" from "{source}": '
            f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"\nensure CRDs are installed first')
    namespace = meta.get("namespace") or ""
    if row.namespaced:
        own = kube.namespace
        if kube.enforced and namespace and namespace != own:
            raise CommandError(f'the namespace from the provided object "{namespace}" does not match the namespace "{own}". '
                               f"You must pass '--namespace={namespace}' to perform this operation.")
        namespace = namespace or own
        obj = {**obj, "metadata": {**meta, "namespace": namespace}}
    elif namespace:
        namespace, obj = "", {**obj, "metadata": {k: v for k, v in meta.items() if k != "namespace"}}
    return Info(row, namespace, meta.get("name") or "", obj, source)


def _local(obj: Obj) -> Resource:
    """A kind without asking a server: a built-in row, or one made up from the manifest alone."""
    from wherry.api.resources import TABLE

    known = TABLE.by_kind(obj["apiVersion"], obj["kind"])
    if known is not None:
        return known
    group, slash, version = obj["apiVersion"].rpartition("/")
    return Resource(group if slash else "", version, obj["kind"], obj["kind"].lower() + "s")
