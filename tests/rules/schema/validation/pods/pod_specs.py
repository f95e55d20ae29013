"""Pod specs for tests: decoded and defaulted, and what the rules say of them as `path: message`."""

from __future__ import annotations

import copy
from typing import Any

from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.schema.defaults.pod import default_pod, default_template_spec
from wherry.rules.schema.validation.pods.pod import validate_pod, validate_template


def container(**fields: Any) -> Obj:
    return {"name": "c", "image": "nginx:1.21", **fields}


def texts(errors: Errors) -> list[str]:
    return [f"{e.field}: {e.message}" for e in errors]


def said(annotations: Obj | None = None, **spec: Any) -> list[str]:
    """What is wrong with a template; paths are those in its spec, with `~` for the template's own."""
    template: Obj = {"metadata": {"annotations": annotations} if annotations else {}, "spec": {"containers": [container()], **spec}}
    template = copy.deepcopy(template)
    default_template_spec(template)
    found = texts(validate_template(template, "~"))
    return [text.removeprefix("~.spec.") for text in found]


def of_container(**fields: Any) -> list[str]:
    """What is wrong with a template's only container."""
    return [text.removeprefix("containers[0].") for text in said(containers=[container(**fields)])]


def of_pod(meta: Obj | None = None, **spec: Any) -> list[str]:
    """What is wrong with a pod."""
    pod: Obj = {"metadata": {"name": "p", "namespace": "n", **(meta or {})}, "spec": {"containers": [container()], **spec}}
    pod = copy.deepcopy(pod)
    default_pod(pod)
    return texts(validate_pod(pod))
