"""Questions about access, answered by create and never stored: `kubectl auth can-i`, `kubectl auth whoami`.

Called by `resources` instead of the registry for the kinds of authentication.k8s.io and authorization.k8s.io. The answers come from
the server's own authenticator and authorization hook. Source: pkg/registry/authorization, pkg/registry/authentication.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api import field, timestamps
from wherry.api.errors import BadRequest, invalid
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.api.options import Target, User, WriteOptions
from wherry.api.schema import definition
from wherry.kit.offload import computed
from wherry.rules.access.rbac.request import Attributes
from wherry.rules.schema import decode
from wherry.rules.schema.validation.access_reviews import selector_errors, shown_path
from wherry.rules.writing.managed_fields import track_update
from wherry.server.authentication import Authentication, Credentials, TokenError
from wherry.server.authorization import Authorizer

#: (group, plural) of what is answered here
KINDS = frozenset(
    {
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
    }
)
_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
_BOTH = "cannot be specified in combination with resourceAttributes"
_ALONE = "disallowed on this kind of request"


def user_info(user: User) -> Obj:
    """A User as UserInfo; empty parts are left out."""
    info = {"username": user.name, "uid": user.uid, "groups": list(user.groups), "extra": {k: list(v) for k, v in user.extra}}
    return {k: v for k, v in info.items() if v}


def _asked(spec: Obj) -> Attributes:
    """The question in a review's spec."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes") or {}
    if resource is None:
        return Attributes(path.get("verb", ""), path.get("path", ""))
    return Attributes(
        resource.get("verb", ""), "", resource.get("group", ""), resource.get("version", ""), resource.get("resource", ""),
        resource.get("subresource", ""), resource.get("namespace", ""), resource.get("name", ""), _fields(resource),
    )  # fmt: skip


def _fields(resource: Obj) -> str:
    """A review's field selector as text."""
    selector = resource.get("fieldSelector") or {}
    terms = [f"{r.get('key', '')}={(r.get('values') or [''])[0]}" for r in selector.get("requirements") or () if r.get("operator") == "In"]
    return selector.get("rawSelector") or ",".join(terms)


def _spec_errors(spec: Obj) -> Errors:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors: Errors = []
    if resource is not None and path is not None:
        errors.append(field.invalid("spec.nonResourceAttributes", shown_path(path), _BOTH))
    if resource is None and path is None:
        errors.append(field.invalid("spec.resourceAttributes", None, _ONE))
    return errors


def _selectors(spec: Obj) -> Errors:
    return selector_errors(spec.get("resourceAttributes"), "spec.resourceAttributes")


def _subject_errors(spec: Obj) -> Errors:
    if spec.get("user") or spec.get("groups"):
        return []
    return [field.invalid("spec.user", "", "at least one of user or group must be specified")]


def _metadata_errors(review: Obj, *, namespaced: bool) -> Errors:
    given = {k: v for k, v in (review.get("metadata") or {}).items() if v and k != "managedFields"}
    if namespaced:
        given.pop("namespace", None)
    detail = "must be empty except for namespace" if namespaced else "must be empty"
    return [field.invalid("metadata", given, detail)] if given else []


def _subject(spec: Obj) -> User:
    extra = tuple((k, tuple(v)) for k, v in (spec.get("extra") or {}).items())
    return User(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)


class Reviews:
    """`now` gives seconds since the epoch."""

    def __init__(self, authentication: Authentication, authorizer: Authorizer, now: Callable[[], float]) -> None:
        self._authentication, self._authorizer, self._now = authentication, authorizer, now

    async def create(self, target: Target, content: bytes, content_type: str, options: WriteOptions, user: User) -> tuple[Obj, list[str]]:
        """The review with its answer, and warnings. Raises BadRequest, Invalid."""
        resource = target.resource
        decoded = await computed(len(content), lambda: decode.decode(resource, (content, content_type), options.field_validation))
        review: Obj = decoded.obj
        given_namespace = (review.get("metadata") or {}).get("namespace", target.namespace)
        if given_namespace != target.namespace:
            raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
        return await self._answer(target, review, options, user), decoded.warnings

    async def _answer(self, target: Target, review: Obj, options: WriteOptions, user: User) -> Obj:
        match target.resource.plural:
            case "selfsubjectreviews":
                meta = {"creationTimestamp": timestamps.time(self._now())}
                return self._review(target, meta, {"status": {"userInfo": user_info(user)}})
            case "tokenreviews":
                return await self._token(target, review, options)
            case "selfsubjectrulesreviews":
                namespace = (review.get("spec") or {}).get("namespace")
                if not namespace:
                    raise BadRequest("no namespace on request")
                return self._review(target, {}, {"spec": {}, "status": await self._authorizer.rules(user, namespace)})
        return await self._access(target, review, options, user)

    @staticmethod
    def _review(target: Target, metadata: Obj, rest: Obj) -> Obj:
        return {"kind": target.resource.kind, "apiVersion": target.resource.api_version, "metadata": metadata, **rest}

    async def _token(self, target: Target, review: Obj, options: WriteOptions) -> Obj:
        spec = review.get("spec") or {}
        if not spec.get("token"):
            raise BadRequest("token is required for TokenReview in authentication")
        error = "invalid bearer token"
        try:
            found = await self._authentication.examine(Credentials(spec["token"]), tuple(spec.get("audiences") or ()))
        except TokenError as problem:
            found, error = None, str(problem)
        status: Obj = {"user": {}, "error": error}
        if found is not None:
            status = {"authenticated": True, "user": user_info(found.user)}
            if found.audiences:
                status["audiences"] = list(found.audiences)
        return self._review(target, self._tracked(target, review, options), {"spec": spec, "status": status})

    async def _access(self, target: Target, review: Obj, options: WriteOptions, user: User) -> Obj:
        resource, spec = target.resource, review.get("spec") or {}
        own, local = resource.plural == "selfsubjectaccessreviews", resource.namespaced
        errors = [*_spec_errors(spec), *([] if own else _subject_errors(spec)), *_selectors(spec)]
        errors += _metadata_errors(review, namespaced=local)
        given = (spec.get("resourceAttributes") or {}).get("namespace", "")
        if local and spec.get("resourceAttributes") is not None and given != target.namespace:
            errors.append(field.invalid("spec.resourceAttributes.namespace", given, "must match metadata.namespace"))
        if local and spec.get("nonResourceAttributes") is not None:
            errors.append(field.invalid("spec.nonResourceAttributes", shown_path(spec["nonResourceAttributes"]), _ALONE))
        if errors:
            raise invalid(f".{resource.group}", "", errors)  # the reference asks the review for its kind, and it has forgotten it
        decision = await self._authorizer.decide(user if own else _subject(spec), _asked(spec))
        status: Obj = {"allowed": decision.allowed}
        if decision.reason:
            status["reason"] = decision.reason
        metadata = {"namespace": target.namespace} if local else {}
        return self._review(target, {**metadata, **self._tracked(target, review, options)}, {"spec": spec, "status": status})

    def _tracked(self, target: Target, review: Obj, options: WriteOptions) -> Obj:
        """Field ownership is kept even for what is never stored."""
        resource = target.resource
        fields = track_update(
            None, {**review, "metadata": review.get("metadata") or {}}, node=definition(resource.schema), manager=options.manager,
            operation="Update", api_version=resource.api_version, subresource="", time=timestamps.time(self._now()),
        )  # fmt: skip
        return {"managedFields": fields} if fields else {}
