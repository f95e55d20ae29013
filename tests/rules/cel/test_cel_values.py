"""Expressions and what they give, on plain JSON values."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.cel import CelError, compile
from wherry.rules.cel.values import Duration

OBJECT: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"a-b": "c"}},
    "spec": {"replicas": 3, "containers": [{"image": "nginx:1"}, {"image": "redis"}], "x-y": 1, "namespace": "n", "ratio": 1.5},
}


def evaluate(expression: str) -> Any:
    return compile(expression, ("object", "oldObject")).evaluate({"object": OBJECT, "oldObject": None})


@pytest.mark.parametrize(
    "expression",
    [
        "object.spec.replicas <= 5 && has(object.metadata.labels)",
        "!has(object.spec.paused)",
        "object.?spec.?nope.orValue(3) == 3",
        "!object.spec.containers[?5].hasValue() && object.spec.containers[?1].image.value() == 'redis'",
        "object.spec.x__dash__y == 1 && object.spec.__namespace__ == 'n' && object.spec.namespace == 'n'",
        "object.metadata.labels['a-b'] == 'c' && 'a-b' in object.metadata.labels",
        "object.spec.nope == 1 || true",
        "!(object.spec.nope == 1 && false)",
        "object.spec.containers.all(c, c.image != '')",
        "object.spec.containers.exists(c, c.missing == 1 || c.image == 'redis')",
        "object.spec.containers.exists_one(c, c.image == 'redis')",
        "object.spec.containers.map(c, c.image.split(':')[0]) == ['nginx', 'redis']",
        "object.spec.containers.filter(c, c.image.contains(':')).size() == 1",
        "object.spec.containers.all(i, c, i < 2)",
        "[1, 2].transformList(i, v, i * v) == [0, 2]",
        "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 2) == {'b': 4}",
        "{'a': 'x'}.transformMapEntry(k, v, {v: k}) == {'x': 'a'}",
        "object.spec.ratio > 1 && object.spec.replicas == 3.0 && 3u >= 3",
        "timestamp('2024-01-02T03:04:05Z') + duration('1h30m') == timestamp('2024-01-02T05:34:05+01:00')",
        "timestamp('2024-01-02T03:04:05Z').getDayOfWeek() == 2 && duration('90s').getMinutes() == 1",
        "quantity('1Gi').isGreaterThan(quantity('500Mi')) && quantity('1').add(2).asInteger() == 3",
        "ip('10.0.0.1').isGlobalUnicast() && cidr('10.0.0.0/8').containsIP('10.1.2.3') && !isIP('x')",
        "cidr('192.168.1.5/24').masked() == cidr('192.168.1.0/24') && ip('::1').family() == 6",
        "url('https://a.b:80/x?q=1').getHost() == 'a.b:80' && !isURL('a b')",
        "url('https://a.b:80/x?q=1').getQuery()['q'] == ['1']",
        "semver('1.2.3-rc.1').isLessThan(semver('v1.2.3', true))",
        "'abc-12'.matches('^[a-z]+-[0-9]+$') && 'abc 12 de3'.findAll('[0-9]+') == ['12', '3']",
        "!format.dns1123Label().validate('a-b').hasValue() && format.named('uuid').hasValue()",
        "optional.of(3).optMap(x, x + 1).value() == 4 && optional.none().orValue(1) == 1",
        "[1, ?optional.none(), ?optional.of(4)] == [1, 4] && {?'a': object.?x} == {}",
        "[3, 1, 2].sort() == [1, 2, 3] && [1, 2, 3].sum() == 6 && [[1], [2]].flatten() == [1, 2]",
        "[{'n': 2}, {'n': 1}].sortBy(e, e.n)[0].n == 1 && [1, 2, 2].distinct().size() == 2",
        "sets.contains([1, 2, 3], [2]) && sets.equivalent([1, 2], [2, 1, 1])",
        "'%s is %d, %.2f %x %s'.format(['a', 3, 1.5, 255, [1, 'a', true]]) == 'a is 3, 1.50 ff [1, \"a\", true]'",
        "'%e %f'.format([3.14, 1234.5]) == '3.140000×10⁰⁰ 1,234.500000'",
        "!isURL('https://a:b:c/') && !optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z')).hasValue()",
        "'hello'.substring(1, 3) == 'el' && 'a,b'.split(',', 1) == ['a,b'] && 'abc'.charAt(1) == 'b'",
        "type(1) == int && type(object) == map && string(1.0) == '1' && int('12') == 12",
        "dyn(1) != 'a' && -7 / 2 == -3 && -7 % 2 == -1",
        'r"\\d" == "\\\\d" && b"\\x41" == b"A" && "\\u00e9" == "é"',
        "oldObject == null",
        "1 in [1, 2] // a comment",
    ],
)
def test_holds(expression: str) -> None:
    assert evaluate(expression) is True


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("object.spec.nope", "no such key: nope"),
        ("object.spec.containers[7]", "index out of bounds: 7"),
        ("object.spec.replicas ? 1 : 2", "no such overload"),
        ("1 / 0", "division by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("[dyn(1)].min() + [dyn(1)].filter(x, false).max()", "max called on empty list"),
        ("object.spec.containers.all(c, c.tag == '')", "no such key: tag"),
        (
            "lists.range(1000).all(i, lists.range(1000).all(j, lists.range(100).all(k, k < 1000)))",
            "operation cancelled: actual cost limit exceeded",
        ),
        ("optional.none().value()", "optional.none() dereference"),
    ],
)
def test_fails(expression: str, message: str) -> None:
    with pytest.raises(CelError) as failed:
        evaluate(expression)
    assert failed.value.message == message


def test_doubling_strings_ends_at_the_budget() -> None:
    doubled = "'aaaaaaaaaa'"
    for _ in range(60):
        doubled = f"[{doubled}].map(x, x + x)[0]"
    with pytest.raises(CelError, match=r"cost limit|recursion"):
        compile(doubled, ()).evaluate({})


def test_nothing_is_absorbed_when_the_budget_is_spent() -> None:
    with pytest.raises(CelError, match="cost limit"):
        evaluate("lists.range(900000).all(i, lists.range(900000).size() > 0) || true")


def test_an_evaluation_pays_from_a_shared_budget() -> None:
    from wherry.rules.cel.library import Budget

    budget = Budget(100)
    program = compile("[1, 2, 3].all(x, x > 0)", ())
    assert program.evaluate({}, budget) is True
    assert 0 < budget.left < 100
    budget.left = 3
    with pytest.raises(CelError, match="cost limit"):
        program.evaluate({}, budget)


def test_durations_are_values() -> None:
    assert evaluate("duration('1s') + duration('500ms')") == Duration(1_500_000_000)
