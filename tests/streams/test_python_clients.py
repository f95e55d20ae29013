"""exec and port-forward with the Python clients: WebSocket v4, input in text messages."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import kr8s
import pytest
from kubernetes import client, config, stream

from tests.streams.conftest import World

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:Kubernetes version:UserWarning"
)


@pytest.fixture
def core(world: World) -> Iterator[client.CoreV1Api]:
    with config.new_client_from_config(str(world.kubeconfig)) as connection:
        yield client.CoreV1Api(connection)


def opened(core: client.CoreV1Api, script: str, *, stdin: bool = False) -> stream.ws_client.WSClient:
    return stream.stream(
        core.connect_get_namespaced_pod_exec, "web", "default", command=["sh", "-c", script], stderr=True, stdin=stdin, stdout=True,
        tty=False, _preload_content=False,
    )  # fmt: skip


def test_a_command_gives_its_output(core: client.CoreV1Api) -> None:
    said = stream.stream(core.connect_get_namespaced_pod_exec, "web", "default", command=["sh", "-c", "echo hi; echo err >&2"],
                         stderr=True, stdin=False, stdout=True, tty=False)  # fmt: skip
    assert sorted(said.split()) == ["err", "hi"]


def test_a_conversation_ends_with_its_code(core: client.CoreV1Api) -> None:
    session = opened(core, "read line; echo got $line; exit 5", stdin=True)
    session.write_stdin("some words\n")
    session.run_forever(timeout=20)
    assert (session.read_stdout(), session.returncode) == ("got some words\n", 5)
    assert opened_and_done(core, "exit 0") == 0


def opened_and_done(core: client.CoreV1Api, script: str) -> int:
    session = opened(core, script)
    session.run_forever(timeout=20)
    return int(session.returncode)


def test_a_port_is_reached(core: client.CoreV1Api) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_answer, args=(server,))
        answering.start()
        port = server.getsockname()[1]
        forward = stream.portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports=str(port))
        connection = forward.socket(port)
        connection.sendall(b"question")
        assert connection.recv(100) == b"answer to question"
        answering.join()
        assert forward.error(port) is None


def _answer(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"answer to " + connection.recv(100))


def test_kr8s_runs_a_command(world: World) -> None:
    api = kr8s.api(kubeconfig=str(world.kubeconfig))
    pod = kr8s.objects.Pod.get("web", api=api)
    done = pod.exec(["sh", "-c", "echo out; echo err >&2"])
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 0)
    assert pod.exec(["sh", "-c", "exit 3"], check=False).returncode == 3
