"""Messages between a process and its helper."""

import os
import socket

import pytest

from wherry.linux import passing


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def test_a_message_comes_with_its_descriptors(pair):
    reader, writer = os.pipe()
    passing.send(pair[0], {"a": [1, "é"]}, [writer])
    os.close(writer)
    content, (passed,) = passing.receive(pair[1])
    os.write(passed, b"x")
    assert (content, os.read(reader, 10), os.get_inheritable(passed)) == ({"a": [1, "é"]}, b"x", False)
    os.close(passed)
    os.close(reader)


@pytest.mark.parametrize("length", [96 * 1024, 3_000_000])
def test_a_long_message_comes_whole(pair, length):
    passing.send(pair[0], {"text": "x" * length}, [0])
    content, passed = passing.receive(pair[1])
    assert len(content["text"]) == length
    assert len(passed) == 1
    os.close(passed[0])


def fill(to):
    while True:
        passing.send(to, {"text": "x" * 50_000})


def test_a_message_that_did_not_fit_can_be_sent_later_though_its_descriptors_were_closed(pair):
    pair[0].setblocking(False)
    reader, writer = os.pipe()
    late = passing.Message({"late": True}, [writer])
    with pytest.raises(BlockingIOError):
        fill(pair[0])
    late.keep()
    os.close(writer)
    while passing.receive(pair[1])[0].get("text"):
        try:
            late.send(pair[0])
        except BlockingIOError:
            continue
        break
    late.close()
    content, passed = {}, []
    while not content.get("late"):
        content, passed = passing.receive(pair[1])
    os.write(passed[0], b"y")
    assert os.read(reader, 10) == b"y"
    os.close(passed[0])
    os.close(reader)


def test_the_end_is_none(pair):
    pair[0].close()
    assert passing.receive(pair[1]) is None


def test_an_end_with_something_unread_is_an_end_too(pair):
    passing.send(pair[1], {"never": "read"})
    pair[0].close()
    assert passing.receive(pair[1]) is None
