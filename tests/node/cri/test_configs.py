"""What pods and containers come to in the words of the Container Runtime Interface; every message can be made of them."""

import pytest

from wherry.node.cri import configs, resources, security
from wherry.node.cri.calls import _TABLE
from wherry.node.engine import ContainerBox, HostPort, Limits, Mount, NameServers, PodBox, Security, StartFailed

POD = PodBox(id="u-1", namespace="n", name="p", node="node-0", hostname="host", logs="/logs/u-1", qos="Burstable")
OWN = {configs.OWNER: "me"}


def container(pod=POD, **fields):
    return configs.container(pod, ContainerBox(id="x", name="c", image="i:1", **fields), "sha256:1", OWN, 2)


def test_a_sandbox_says_whose_it_is_where_it_logs_and_how_names_are_looked_up():
    pod = PodBox(id="u-1", namespace="n", name="p", node="node-0", hostname="host", logs="/l", labels=(("app", "web"),),
                 ports=(HostPort(80, 8080, "UDP", "10.0.0.1"),), names=NameServers(("10.96.0.10",), ("svc",), ("ndots:5",)))
    made = configs.sandbox(pod, 1, OWN, systemd=False)
    assert made["metadata"] == {"name": "p", "uid": "u-1", "namespace": "n", "attempt": 1}
    assert made["labels"] == {"app": "web", "io.kubernetes.pod.name": "p", "io.kubernetes.pod.namespace": "n",
                              "io.kubernetes.pod.uid": "u-1", "wherry.dev/node": "node-0", "wherry.dev/owner": "me"}
    assert made["port_mappings"] == [{"protocol": 1, "container_port": 8080, "host_port": 80, "host_ip": "10.0.0.1"}]
    assert made["dns_config"] == {"servers": ("10.96.0.10",), "searches": ("svc",), "options": ("ndots:5",)}


def test_a_container_logs_below_its_pod_s_folder_and_nowhere_else():
    assert container(log="/logs/u-1/c/0.log")["log_path"] == "c/0.log"
    with pytest.raises(StartFailed, match="is not below the pod's folder of logs"):
        container(log="/elsewhere/c.log")


def test_memory_of_its_own_and_a_mount_of_nothing_are_refused(tmp_path):
    with pytest.raises(StartFailed, match="makes no memory of its own for /m"):
        container(mounts=(Mount("", "/m"),))
    with pytest.raises(StartFailed, match="No such file or directory"):
        container(mounts=(Mount(str(tmp_path / "nothing"), "/m"),))


def test_mounts_propagate_as_they_say(tmp_path):
    made = [container(mounts=(Mount(str(tmp_path), "/m", propagation=each),))["mounts"][0]["propagation"]
            for each in ("", "HostToContainer", "Bidirectional")]
    assert made == [0, 1, 2]


@pytest.mark.parametrize(("name", "value"), [("", 0), ("SIGTERM", 23), ("SIGKILL", 13), ("SIGUSR1", 29), ("SIGRTMIN", 35),
                                             ("SIGRTMIN+15", 50), ("SIGRTMAX-1", 64), ("SIGRTMAX", 65)])
def test_signals_have_the_interface_s_numbers(name, value):
    assert configs.signal_value(name) == value


def test_namespaces_of_pods_that_share_and_of_containers_that_look_into_others():
    def modes(target="", **fields):
        found = security.namespaces(PodBox(id="u", namespace="n", name="p", node="x", hostname="h", **fields), target)
        return found["network"], found["pid"], found["ipc"], found.get("target_id", "")

    assert modes() == (0, 1, 0, "")
    assert modes(host_network=True, host_pid=True, host_ipc=True) == (2, 2, 2, "")
    assert modes(share_processes=True) == (0, 0, 0, "")
    assert modes("abc") == (0, 3, 0, "abc")
    assert modes("abc", share_processes=True) == (0, 0, 0, "")


def test_profiles_users_and_paths_of_a_container():
    made = security.of_container(POD, Security(uid=0, gid=5, groups=(7,), strict_groups=True, seccomp="localhost/a.json",
                                               apparmor="localhost/mine", selinux=("u", "r", "t", "l"), unmasked_proc=True))
    assert made["run_as_user"] == {"value": 0}
    assert (made["supplemental_groups"], made["supplemental_groups_policy"]) == ((7,), 1)
    assert made["seccomp"] == {"profile_type": 2, "localhost_ref": "/var/lib/kubelet/seccomp/a.json"}
    assert (made["apparmor"], made["apparmor_profile"]) == ({"profile_type": 2, "localhost_ref": "mine"}, "localhost/mine")
    assert made["selinux_options"] == {"user": "u", "role": "r", "type": "t", "level": "l"}
    assert (made["masked_paths"], made["readonly_paths"]) == ((), ())
    plain = security.of_container(POD, Security())
    assert plain["seccomp"] == {"profile_type": 1}, "nothing said is no filter"
    assert "/proc/kcore" in plain["masked_paths"]
    assert "run_as_user" not in plain


def test_limits_have_no_swap_beyond_them():
    made = resources.linux(Limits(memory=1 << 20, cpu=0.5, shares=256, oom_score=980, huge_pages=(("2MB", 4 << 20),)))
    assert made == {"cpu_shares": 256, "oom_score_adj": 980, "cpu_period": 100_000, "cpu_quota": 50_000, "memory_limit_in_bytes": 1 << 20,
                    "memory_swap_limit_in_bytes": 1 << 20, "hugepage_limits": [{"page_size": "2MB", "limit": 4 << 20}]}
    assert resources.linux(Limits(cpu=0.001))["cpu_quota"] == 1000


@pytest.mark.parametrize(("qos", "path", "slice_"), [
    ("Guaranteed", "/wherry/podu-1", "wherry-podu_1.slice"), ("Burstable", "/wherry/burstable/podu-1", "wherry-burstable-podu_1.slice"),
    ("BestEffort", "/wherry/besteffort/podu-1", "wherry-besteffort-podu_1.slice"),
])
def test_a_pod_s_control_group_is_below_that_of_its_class(qos, path, slice_):
    pod = PodBox(id="u-1", namespace="n", name="p", node="x", hostname="h", qos=qos)
    assert (resources.parent(pod, systemd=False), resources.parent(pod, systemd=True)) == (path, slice_)


def test_messages_are_made_of_what_configurations_say():
    from wherry.kit.messages import classes

    messages = classes(_TABLE.read_text(), "runtime.v1")
    request = messages["CreateContainerRequest"](pod_sandbox_id="s", config=container(env=(("A", "é"),), security=Security(uid=3)),
                                                 sandbox_config=configs.sandbox(POD, 0, OWN, systemd=False))
    again = messages["CreateContainerRequest"].FromString(request.SerializeToString())
    assert again.config.envs[0].value.decode() == "é"
    assert again.config.linux.security_context.run_as_user.value == 3
    assert again.sandbox_config.linux.cgroup_parent == "/wherry/burstable/podu-1"
