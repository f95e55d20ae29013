"""What is refused before it runs, and how it is worded."""

from __future__ import annotations

import pytest

from wherry.rules.cel import CelError, CompileError, compile
from wherry.rules.cel.schemas import type_of, value_of
from wherry.rules.cel.types import DYN


@pytest.mark.parametrize(
    ("expression", "issue"),
    [
        ("foo == 1", "<input>:1:1: undeclared reference to 'foo' (in container '')\n | foo == 1\n | ^"),
        ("object.foo()", "<input>:1:11: undeclared reference to 'foo' (in container '')"),
        ("1 + 'a'", "<input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a'\n | ..^"),
        ("'a'.startsWith(1)", "found no matching overload for 'startsWith' applied to 'string.(int)'"),
        ("[1, 'a']", "<input>:1:5: expected type 'int' but found 'string'"),
        ("'a'.foo", "type 'string' does not support field selection"),
        ("has(object)", "invalid argument to has() macro"),
        ("object.all(1, true)", "argument must be a simple name"),
        (
            "1 +",
            "<input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false',",
        ),
        ("(1", "<input>:1:3: Syntax error: missing ')' at '<EOF>'"),
        ("object object", "<input>:1:8: Syntax error: extraneous input 'object' expecting <EOF>"),
        ("object.\nfoo $", "<input>:2:5: Syntax error: token recognition error at: '$'\n | foo $\n | ....^"),
        ("9223372036854775808", "invalid int literal"),
        ("namespace", "reserved identifier: namespace"),
        ("cel.bind(x, 1, x)", "undeclared reference to 'cel'"),
        ("duration('x')", "invalid duration argument"),
        ("'a'.matches('(')", "invalid matches argument"),
        ("(" * 400 + "1" + ")" * 400, "expression recursion limit exceeded: 250"),
    ],
)
def test_is_refused(expression: str, issue: str) -> None:
    with pytest.raises(CompileError) as refused:
        compile(expression, ("object",))
    assert issue in refused.value.message


def test_every_fault_is_told() -> None:
    with pytest.raises(CelError) as refused:
        compile("foo(1) + bar", ())
    assert refused.value.message.count("ERROR: ") == 2


def test_the_type_of_the_result_is_known() -> None:
    assert str(compile("object.a == 1", ("object",)).type) == "bool"
    assert str(compile("object.a", ("object",)).type) == "dyn"
    assert str(compile("{'a': [1.0]}", ()).type) == "map(string, list(double))"


def test_a_program_is_compiled_once() -> None:
    assert compile("1 + 1", ("a", "b")) is compile("1 + 1", ("b", "a"))


SCHEMA = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer"},
        "ratio": {"type": "number"},
        "when": {"type": "string", "format": "date-time"},
        "a-b": {"type": "string"},
        "free": {"x-kubernetes-int-or-string": True},
        "tags": {"type": "array", "items": {"type": "string"}},
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}


@pytest.mark.parametrize(
    ("expression", "issue"),
    [
        ("self.nope", "<input>:1:5: undefined field 'nope'"),
        ("self.replicas == 'a'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.tags.exists(t, t == 1)", "found no matching overload for '_==_' applied to '(string, int)'"),
        ("self.limits.x + 'a'", "found no matching overload for '_+_' applied to '(int, string)'"),
    ],
)
def test_a_schema_types_the_expression(expression: str, issue: str) -> None:
    with pytest.raises(CompileError) as refused:
        compile(expression, {"self": type_of(SCHEMA)})
    assert issue in refused.value.message


def test_values_follow_their_schema() -> None:
    value = {"replicas": 2, "ratio": 1, "when": "2024-01-01T00:00:00Z", "a-b": "x", "free": "1", "tags": ["t"], "limits": {"x": 1}}
    kinds = {"self": type_of(SCHEMA), "oldSelf": DYN}
    text = "self.ratio / 2.0 == 0.5 && self.when.getFullYear() == 2024 && self.a__dash__b == 'x' && self.free == '1' && self.limits.x == 1"
    assert compile(text, kinds).evaluate({"self": value_of(value, SCHEMA)}) is True
