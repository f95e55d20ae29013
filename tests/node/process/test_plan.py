"""Which program a container runs, in what environment, and how it is stopped."""

import signal

import pytest

from wherry.node.engine import ContainerBox, ImageConfig, PodBox, Security, StartFailed
from wherry.node.process import plan

IMAGE = ImageConfig(entrypoint=("/entry",), command=("serve",), env=(("A", "image"), ("B", "image")), stop_signal="SIGQUIT")
POD = PodBox(id="u", namespace="n", name="p", node="node", hostname="web-0")


def box(**fields):
    return ContainerBox(id="c", name="c", image="i", **fields)


@pytest.mark.parametrize(("command", "args", "argv"), [
    ((), (), ["/entry", "serve"]),
    ((), ("one",), ["/entry", "one"]),
    (("/mine",), (), ["/mine"]),
    (("/mine",), ("one",), ["/mine", "one"]),
])
def test_command_and_args_replace_entrypoint_and_cmd(command, args, argv):
    assert plan.arguments(box(command=command, args=args), IMAGE) == argv


def test_nothing_to_run_is_refused():
    with pytest.raises(StartFailed, match="no command specified") as raised:
        plan.arguments(box(), ImageConfig())
    assert raised.value.reason == "CreateContainerError"


def test_the_environment_is_the_image_s_with_the_container_s_over_it():
    environment = dict(plan.environment(box(env=(("B", "mine"),), tty=True), IMAGE, "web-0"))
    assert (environment["A"], environment["B"], environment["HOSTNAME"], environment["TERM"]) == ("image", "mine", "web-0", "xterm")
    assert "/usr/bin" in environment["PATH"]


@pytest.mark.parametrize(("asked", "own", "number"), [
    ("", "", signal.SIGQUIT), ("", "SIGUSR1", signal.SIGUSR1), ("HUP", "SIGUSR1", signal.SIGHUP), ("12", "", 12),
    ("", "RTMIN+3", signal.SIGRTMIN + 3),
])
def test_the_stop_signal_is_the_one_asked_for_or_the_container_s_or_the_image_s(asked, own, number):
    assert plan.stop_signal(box(stop_signal=own), IMAGE, asked) == number


def test_a_stop_signal_that_is_none_is_term():
    assert plan.stop_signal(box(stop_signal="NOPE"), ImageConfig()) == signal.SIGTERM


def test_a_group_without_a_user_is_refused():
    with pytest.raises(StartFailed, match="runAsGroup"):
        plan.process(POD, box(command=("x",), security=Security(gid=5)), ImageConfig())


def test_an_unknown_capability_is_refused():
    with pytest.raises(StartFailed, match="FLY"):
        plan.process(POD, box(command=("x",), security=Security(add=("FLY",))), ImageConfig())


def test_a_privileged_container_has_everything_and_no_masks():
    request = plan.process(POD, box(command=("x",), security=Security(privileged=True, seccomp="RuntimeDefault")), ImageConfig())
    assert "SYS_ADMIN" in request["capabilities"]
    assert (request["masked"], request["seccomp"]) == (False, False)
