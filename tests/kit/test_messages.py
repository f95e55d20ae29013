"""Message classes from a table: what they write is what protobuf says, and what a table leaves out is skipped."""

from __future__ import annotations

import pytest

from wherry.kit.messages import classes

TABLE = """
Pod: name=1:string labels=2:{string} containers=3:*Container uid=4:int64
Container: image=1:string ports=2:*int32 limits=5:{Limit} raw=6:bytes tty=7:bool
Limit: value=1:uint64 share=2:double
"""


def test_a_message_is_written_as_protobuf_says() -> None:
    made = classes(TABLE, "test.v1")
    pod = made["Pod"](name="ab", uid=300)
    assert pod.SerializeToString() == b"\x0a\x02ab" + b"\x20\xac\x02"


def test_messages_maps_and_lists_come_back() -> None:
    made = classes(TABLE, "test.v1")
    container = made["Container"](image="i", ports=[80, 443], raw=b"\0", tty=True)
    container.limits["cpu"].value = 2
    pod = made["Pod"](labels={"a": "b"}, containers=[container])
    again = made["Pod"].FromString(pod.SerializeToString())
    assert (dict(again.labels), list(again.containers[0].ports), again.containers[0].limits["cpu"].value) == ({"a": "b"}, [80, 443], 2)


def test_fields_that_the_table_leaves_out_are_skipped() -> None:
    whole, part = classes(TABLE, "test.v1"), classes("Pod: uid=4:int64", "test.v1")
    assert part["Pod"].FromString(whole["Pod"](name="a", uid=7).SerializeToString()).uid == 7


@pytest.mark.parametrize("line", ["Pod", "Pod: name", "Pod: name=x:string", "Pod: name=1", "Pod: name=1:"])
def test_what_is_no_line_of_a_table_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        classes(line, "test.v1")
