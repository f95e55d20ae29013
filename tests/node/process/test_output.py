"""The log of a container, in the CRI's form."""

from wherry.node.process.output import Lines

AT = 1_700_000_000.5
HEAD = b"2023-11-14T22:13:20.500000000Z stdout "


def test_each_line_is_an_entry():
    assert Lines("stdout").feed(b"one\n\ntwo\nrest", AT) == HEAD + b"F one\n" + HEAD + b"F \n" + HEAD + b"F two\n"


def test_a_line_that_comes_in_pieces_is_one_entry():
    lines = Lines("stdout")
    assert lines.feed(b"on", AT) == b""
    assert lines.feed(b"e\n", AT) == HEAD + b"F one\n"


def test_what_is_left_at_the_end_is_an_entry():
    lines = Lines("stdout")
    lines.feed(b"rest", AT)
    assert lines.end(AT) == HEAD + b"P rest\n"
    assert lines.end(AT) == b""


def test_a_long_line_is_pieces():
    lines = Lines("stdout")
    text = lines.feed(b"x" * 40_000 + b"\n", AT)
    entries = text.splitlines()
    assert [entry.split(b" ", 3)[2] for entry in entries] == [b"P", b"P", b"F"]
    assert b"".join(entry.split(b" ", 3)[3] for entry in entries) == b"x" * 40_000


def test_a_line_without_end_does_not_pile_up():
    lines = Lines("stdout")
    for _ in range(10):
        lines.feed(b"x" * 65536, AT)
    assert len(lines._rest) < 16384
