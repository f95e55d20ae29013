"""Tables, columns, values, sorting and errors as text."""

from __future__ import annotations

import pytest

from wherry.api.errors import Cause, NotFound, StatusError, invalid, not_found
from wherry.cli.kube.errors import CommandError, Several, text, with_source
from wherry.cli.kube.text import columns, values
from wherry.cli.kube.text.differences import lines
from wherry.cli.kube.text.sorting import order
from wherry.cli.kube.text.table import Look, TablePrinter
from wherry.cli.kube.text.tabs import TabWriter, tabbed
from wherry.client.transport import ConnectionFailed
from wherry.rollout.differences import Difference
from wherry.rules.texts.jsonpath import JsonPathError

TABLE = {"columnDefinitions": [{"name": "Name", "type": "string", "format": "name"}, {"name": "Ready", "type": "string"},
                               {"name": "Images", "type": "string", "priority": 1}],
         "rows": [{"cells": ["web", 3, "nginx"], "object": {"metadata": {"namespace": "shop", "labels": {"b": "2", "a": "1"}}}},
                  {"cells": ["db", None, "pg\nx"], "object": {"metadata": {"namespace": "shop"}}}]}


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    writer = TabWriter()
    writer.write("NAME\tAGE\nweb-server\t5s\n")
    assert writer.flush() == "NAME         AGE\nweb-server   5s\n"


def test_columns_never_become_narrower() -> None:
    writer = TabWriter()
    writer.write("a-long-name\tx\n")
    writer.flush()
    writer.write("b\ty\n")
    assert writer.flush() == "b             y\n"


def test_wide_characters_take_two_places() -> None:
    assert tabbed("REVISION\tCAUSE\tEND\n1\t回滚\tx\n2\tabcd\ty\n") == "REVISION  CAUSE  END\n1         回滚   x\n2         abcd   y\n"


def test_a_column_is_a_block_of_neighbouring_rows() -> None:
    assert tabbed("aaaa\tb\nno tab\nc\td\n") == "aaaa  b\nno tab\nc  d\n"


def test_a_table_with_everything() -> None:
    look = Look(wide=True, namespaces=True, kind="deployment.apps", labels=("a", "x/b"), show_labels=True)
    assert TablePrinter(look).text(TABLE) == (
        "NAMESPACE\tNAME\tREADY\tIMAGES\tA\tB\tLABELS\nshop\tdeployment.apps/web\t3\tnginx\t1\t\ta=1,b=2\n"
        "shop\tdeployment.apps/db\t\tpg...\t\t\t<none>\n")


def test_headers_are_printed_once_and_never_without_rows() -> None:
    printer = TablePrinter(Look())
    assert printer.text({**TABLE, "rows": []}) == ""
    assert printer.text(TABLE).startswith("NAME\tREADY\n")
    assert printer.text({"columnDefinitions": [], "rows": TABLE["rows"][:1]}, "ADDED") == "ADDED     \tweb\t3\n"


def test_values_are_shown_as_go_shows_them() -> None:
    assert [values.plain(v) for v in ("x", 1, 1.0, True, None, ["a", 1], {"b": 1, "a": 2})] == ["x", "1", "1", "true", "<nil>", "[a 1]",
                                                                                                "map[a:2 b:1]"]
    assert values.compact({"b": "<&>", "a": [1]}) == '{"a":[1],"b":"\\u003c\\u0026\\u003e"}'


def test_yaml_quotes_what_would_be_something_else() -> None:
    found = values.yaml({"a": "1", "b": "true", "c": "yes", "d": "plain", "e": "25%", "f": "", "g": "1e3", "h": "2026-01-01T00:00:00Z",
                         "i": None,
                         "j": "two\nlines\n", "k": [], "l": {}, "m": "a: b", "n": "0x1F", "o": "12:30"})
    assert found == ('a: "1"\nb: "true"\nc: "yes"\nd: plain\ne: 25%\nf: ""\ng: "1e3"\nh: "2026-01-01T00:00:00Z"\ni: null\n'
                     "j: |\n  two\n  lines\n"
                     "k: []\nl: {}\nm: 'a: b'\n\"n\": \"0x1F\"\no: \"12:30\"\n")


def test_custom_columns() -> None:
    found = columns.from_spec("NAME:.metadata.name,TAGS:.tags[*],NONE:.x.y")
    assert columns.header(found) + columns.row(found, {"metadata": {"name": "a"}, "tags": ["x", 2]}) == "NAME\tTAGS\tNONE\na\tx,2\t<none>\n"
    assert columns.from_template("A B\n.x {.y}\n")[1] == columns.Column("B", "{.y}")
    with pytest.raises(JsonPathError, match="unexpected custom-columns spec: NAME"):
        columns.from_spec("NAME")


def test_objects_are_sorted_by_a_field() -> None:
    objects = [{"v": "10"}, {"v": "9"}, {}, {"v": "1Ki"}]
    assert order(objects, ".v") == [2, 1, 0, 3]
    assert order([{"v": "b"}, {"v": "a"}], "{.v}") == [1, 0]
    with pytest.raises(JsonPathError, match="any field with path"):
        order(objects, "z")


def test_differences_are_lines() -> None:
    found = [Difference("a", 1, 2), Difference("b", None, "x y", added=True), Difference("c", "z ", None, removed=True)]
    assert lines(found, indent="  ") == '  ~ a: 1 -> 2\n  + b: x y\n  - c: "z "\n'
    assert lines(found[:1], color=True) == "\x1b[33m~ a: 1 -> 2\x1b[0m\n"


@pytest.mark.parametrize(("error", "shown"), [
    (CommandError("wrong"), "error: wrong"),
    (CommandError("error: wrong already"), "error: wrong already"),
    (not_found("pods", "x"), 'Error from server (NotFound): pods "x" not found'),
    (StatusError("odd"), "Error from server: odd"),
    (StatusError("who?", code=401, reason="Unauthorized"), "error: You must be logged in to the server (who?)"),
    (invalid("Pod", "x", [Cause("r", "bad", "spec.a")]), 'The Pod "x" is invalid: spec.a: bad\n'),
    (invalid("Pod", "x", [Cause("r", "bad", "a"), Cause("r", "worse", "b")]), 'The Pod "x" is invalid: \n* a: bad\n* b: worse\n'),
    (ConnectionFailed("connection refused"), "The connection to the server host:1 was refused - did you specify the right host or port?"),
    (ConnectionFailed("no such host"), "Unable to connect to the server: no such host"),
    (Several([CommandError("one"), not_found("pods", "x")]), 'one\nError from server (NotFound): pods "x" not found\n'),
])
def test_errors_are_worded_as_kubectl_does(error: Exception, shown: str) -> None:
    assert text(error, "https://host:1") == shown


def test_an_error_of_a_file_names_it() -> None:
    found = with_source(NotFound("gone"), "creating", "a.yaml")
    assert isinstance(found, NotFound)
    assert found.message == 'error when creating "a.yaml": gone'
