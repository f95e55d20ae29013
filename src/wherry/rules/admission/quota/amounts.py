"""Lists of amounts by resource name: sums, differences, comparisons. Texts stay quantities in canonical form.

Called by everything about quotas. Nothing is changed in place. Source: k8s.io/apiserver/pkg/quota/v1/resources.go.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from wherry.api import quantity

Amounts = dict[str, str]
Listed = Mapping[str, str]


def total(a: Listed, b: Listed) -> Amounts:
    both = dict(a)
    for name, value in b.items():
        both[name] = quantity.add(both[name], value) if name in both else value
    return both


def growth(new: Listed, old: Listed) -> Amounts:
    """What `new` is above `old`; "0" where it is not."""
    grown: Amounts = {}
    for name in {**new, **old}:
        left = quantity.subtract(new.get(name, "0"), old[name]) if name in old else new[name]
        grown[name] = left if quantity.nano(left) > 0 else "0"
    return grown


def largest(*lists: Listed) -> Amounts:
    most: Amounts = {}
    for listed in lists:
        for name, value in listed.items():
            if name not in most or quantity.compare(value, most[name]) > 0:
                most[name] = value
    return most


def only(listed: Listed, names: Container[str]) -> Amounts:
    return {name: value for name, value in listed.items() if name in names}


def without_zeros(listed: Listed) -> Amounts:
    return {name: value for name, value in listed.items() if quantity.nano(value)}


def equal(a: Listed, b: Listed) -> bool:
    return a.keys() == b.keys() and all(quantity.compare(value, b[name]) == 0 for name, value in a.items())


def shown(listed: Listed) -> str:
    """As in messages: sorted, `name=value`."""
    return ",".join(f"{name}={quantity.canonical(listed[name])}" for name in sorted(listed))
