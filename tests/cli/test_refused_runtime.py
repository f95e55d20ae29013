"""`wherry up --runtime process` where the machine lets no programs run in namespaces says so, and what to do; it does not simulate."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from wherry.cli.main import main
from wherry.linux import calls, seccomp
calls.no_new_privileges()
seccomp.load_denying(seccomp.library(), ["unshare"], namespaces=True)
sys.argv = ["wherry", "up", "--runtime", "process", "--ephemeral", "--port", "0"]
main()
"""


@pytest.mark.real_nodes
def test_a_refusal_is_one_line_that_names_it_and_ends_the_command(tmp_path):
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, timeout=50, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --runtime process: a seccomp filter forbids namespaces (u")
    assert "--security-opt seccomp=unconfined" in line
    assert done.stdout == ""


def test_a_container_runtime_that_is_not_there_is_one_line_too(tmp_path):
    endpoint = ["--container-runtime-endpoint", "/nowhere.sock"]
    command = [sys.executable, "-m", "wherry", "up", "--runtime", "containerd", *endpoint, "--ephemeral"]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    why = "there is no container runtime at /nowhere.sock: install one" if os.geteuid() == 0 else "are for root: run as root"
    assert line.startswith("error: --runtime containerd: ")
    assert why in line
