"""Which socket is asked, and what is said when there is none."""

import pytest

from wherry.node.cri import endpoint
from wherry.node.engine import Unavailable


def test_the_first_of_the_usual_sockets_that_is_there_is_taken():
    assert endpoint.find("", lambda path: "crio" in path) == "/run/crio/crio.sock"


@pytest.mark.parametrize("given", ["/run/mine.sock", "unix:///run/mine.sock", "unix:/run/mine.sock"])
def test_a_socket_may_be_named_with_its_scheme_or_without(given):
    assert endpoint.find(given, lambda path: True) == "/run/mine.sock"


@pytest.mark.parametrize(("given", "why"), [
    ("", "there is no container runtime at /run/containerd/containerd.sock, "),
    ("/nowhere.sock", "there is no container runtime at /nowhere"),
    ("tcp://10.0.0.1:1", "over a socket of this machine, not over tcp"), ("containerd.sock", "'containerd.sock' names no socket"),
])
def test_what_is_no_runtime_is_refused_with_what_to_do(given, why):
    with pytest.raises(Unavailable, match=why) as raised:
        endpoint.find(given, lambda path: False)
    assert raised.value.remedy


def test_a_file_is_no_socket(tmp_path):
    (tmp_path / "file").touch()
    assert not endpoint.is_socket(str(tmp_path / "file"))
    assert not endpoint.is_socket(str(tmp_path / "nothing"))
