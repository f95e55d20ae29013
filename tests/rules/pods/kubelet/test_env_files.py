"""Files of variables: the part of the shell's syntax that is read, and what of it is wrong."""

from __future__ import annotations

import pytest

from tests.rules.pods.kubelet.test_environment import SETTING
from wherry.rules.pods.kubelet.env_files import value
from wherry.rules.pods.kubelet.environment import ConfigProblem, files_of, resolve

_TEXT = """# a comment
A='one'
  B='two words' # and a comment

C='over
two lines'
D= 'not this'
E='='
"""


def test_values_are_those_of_a_shell() -> None:
    expected = {"A": "one", "B": "two words", "C": "over\ntwo lines", "D": "", "E": "=", "F": ""}
    assert {key: value(_TEXT, key) for key in expected} == expected
    assert value("A='first'\nA='second'", "A") == "first"
    assert value("A='ok'\nnonsense", "A") == "ok", "what comes behind is not looked at"


@pytest.mark.parametrize(("text", "why"), [
    ("nonsense", "line 1: a variable is NAME='value'"), ("='x'", "line 1: a variable"), ("A ='x'", "line 1: a variable"),
    ("# x\nA=x", "line 2: a value stands in single quotes"), ('A="x"', "single quotes"), ("A=", "single quotes"),
    ("A='x", "line 1: the quote has no end"), ("A='x'y", "line 1: there is something behind the value"),
])  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        value(text, "Z")


def _container(**ref: object) -> dict[str, object]:
    source = {"fileKeyRef": {"volumeName": "v", "path": "config.env", "key": "A", **ref}}
    return {"name": "c", "env": [{"name": "X", "valueFrom": source}, {"name": "Y", "value": "$(X)!"}]}


def test_a_variable_is_read_from_a_file_of_a_volume() -> None:
    pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": {}}
    assert files_of(_container()) == [("v", "config.env")]
    at = ("v", "config.env")
    assert resolve(pod, _container(), {}, SETTING, files={at: _TEXT}) == {"X": "one", "Y": "one!"}
    assert resolve(pod, _container(key="Z", optional=True), {}, SETTING, files={at: _TEXT}) == {"Y": "$(X)!"}
    for ref, text, why in (
        ({"key": "Z"}, _TEXT, 'environment variable key "Z" not found in file "config.env"'),
        ({}, None, "couldn't parse env file"), ({"optional": True}, "nonsense", "couldn't parse env file"),
    ):  # fmt: skip
        with pytest.raises(ConfigProblem, match=why):
            resolve(pod, _container(**ref), {}, SETTING, files={at: text})
    with pytest.raises(ConfigProblem, match="volumes of simulated nodes hold no files"):
        resolve(pod, _container(), {}, SETTING)
