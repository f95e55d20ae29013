"""The function libraries that Kubernetes v1.36 gives to expressions; imported with the first expression.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.rules.cel.library import Functions


def everything() -> list[Callable[[Functions], None]]:
    from wherry.rules.cel.libraries import (
        authorizer,
        conversions,
        formats,
        lists,
        network,
        optionals,
        quantities,
        regex,
        semver,
        sets,
        standard,
        strings,
        urls,
    )  # fmt: skip

    modules = (standard, conversions, strings, lists, sets, optionals, regex, urls, network, quantities, semver, formats, authorizer)
    return [m.declare for m in modules]
