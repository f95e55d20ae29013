"""Every check of Pod Security by itself: what it lets pass, and the reference's words for what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.rules.admission.pod_security import host, profiles, restricted
from wherry.rules.admission.pod_security.checks import violations
from wherry.rules.admission.pod_security.levels import LevelVersion, policy_of, stricter
from wherry.rules.admission.pod_security.namespace import PodViolations, pod_warnings, prioritized
from wherry.rules.admission.pod_security.templates import is_significant, template_of
from wherry.rules.admission.pod_security.words import Check


def of(name: str, **security: Any) -> Obj:
    return {"name": name, "image": "i", "securityContext": security}


def pod(*containers: Obj, security: Obj | None = None, **spec: Any) -> Obj:
    return {"containers": list(containers) or [{"name": "a"}], **({"securityContext": security} if security is not None else {}), **spec}


def found(check: Check, spec: Obj, notes: dict[str, str] | None = None) -> str:
    violation = check({"annotations": notes} if notes is not None else {}, spec)
    return "" if violation is None else f"{violation.reason}: {violation.detail}"


def both(check: Check, name: str, good: Any, bad: Any, *, of_pod: bool = True) -> tuple[str, str]:
    """What is said of a pod and of two of four containers that have a bad value."""
    containers = [of("a"), of("b", **{name: good}), of("c", **{name: bad}), of("d", **{name: bad})]
    assert found(check, pod(of("a"), of("b", **{name: good}), security={name: good} if of_pod else None)) == ""
    assert found(check, pod(of("a"), security={})) == found(check, pod(of("a")))
    return found(check, pod(of("a"), security={name: bad})), found(check, pod(*containers, security={name: good} if of_pod else None))


def test_seccomp_profiles() -> None:
    said = 'must not set securityContext.seccompProfile.type to "Unconfined"'
    for good in ({"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "x"}):
        one, two = both(profiles.seccomp_1_19, "seccompProfile", good, {"type": "Unconfined"})
        assert (one, two) == (f"seccompProfile: pod {said}", f'seccompProfile: containers "c", "d" {said}')
    everyone = pod(of("c", seccompProfile={"type": "x"}), security={"seccompProfile": {"type": "Unconfined"}})
    assert found(profiles.seccomp_1_19, everyone) == (
        'seccompProfile: pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined", "x"'
    )


def test_seccomp_must_be_said_where_it_is_required() -> None:
    said = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    good = {"type": "RuntimeDefault"}
    assert found(profiles.seccomp_required, pod()) == f'seccompProfile: pod or container "a" {said}'
    mixed = pod(of("a"), of("b"), of("c", seccompProfile=good))
    assert found(profiles.seccomp_required, mixed) == f'seccompProfile: pod or containers "a", "b" {said}'
    assert found(profiles.seccomp_required, pod(of("c", seccompProfile=good))) == ""
    assert found(profiles.seccomp_required, pod(security={"seccompProfile": good})) == ""
    assert found(profiles.seccomp_required, pod(of("c", seccompProfile={"type": "x"}))).endswith('type to "x"')
    assert found(restricted.seccomp_1_25, pod()) != ""
    assert found(restricted.seccomp_1_25, pod(os={"name": "linux"})) != ""
    assert found(restricted.seccomp_1_25, pod(os={"name": "windows"})) == ""


def test_seccomp_by_the_annotations_of_old() -> None:
    own, its = "seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/"
    spec = pod(of("a"), of("b"), of("c"))
    notes = {own: "unconfined", f"{its}a": "unconfined", f"{its}b": "unknown", f"{its}c": "docker/default", f"{its}gone": "unconfined"}
    assert found(profiles.seccomp, spec, notes) == (
        f'seccompProfile: forbidden annotations {its}a="unconfined", {its}b="unknown", {own}="unconfined"'
    )
    assert found(profiles.seccomp, spec, {own: "unconfined"}) == f'seccompProfile: forbidden annotation {own}="unconfined"'
    assert found(profiles.seccomp, spec, {own: "localhost/x", f"{its}a": "runtime/default"}) == ""
    assert found(profiles.seccomp, spec) == ""


def test_apparmor_profiles_in_fields_and_annotations() -> None:
    note = "container.apparmor.security.beta.kubernetes.io/"
    one, two = both(profiles.app_armor, "appArmorProfile", {"type": "RuntimeDefault"}, {"type": "Unconfined"})
    assert one == 'forbidden AppArmor profile: pod must not set AppArmor profile type to "Unconfined"'
    assert two == 'forbidden AppArmor profile: containers "c", "d" must not set AppArmor profile type to "Unconfined"'
    assert found(profiles.app_armor, pod(of("a", appArmorProfile={"type": "Localhost"}))) == ""
    notes = {f"{note}a": "unconfined", f"{note}b": "x", f"{note}c": "", f"{note}d": "runtime/default", f"{note}e": "localhost/y", "z": "x"}
    assert found(profiles.app_armor, pod(), notes) == (
        f'forbidden AppArmor profiles: annotations must not set AppArmor profile type to "{note}a="unconfined"", "{note}b="x""'
    )
    everywhere = pod(of("a", appArmorProfile={"type": "y"}), security={"appArmorProfile": {"type": "Unconfined"}})
    assert found(profiles.app_armor, everywhere, {f"{note}b": "x"}) == (
        'forbidden AppArmor profiles: pod and container "a" and annotation must not set AppArmor profile type to '
        f'"Unconfined", "y", "{note}b="x""'
    )
    assert found(profiles.app_armor, pod(), {f"{note}c": ""}) == ""


def test_selinux_options() -> None:
    said = "set forbidden securityContext.seLinuxOptions:"
    bad = {"type": "foo", "user": "u", "role": "r"}
    one, two = both(profiles.selinux, "seLinuxOptions", {"type": "container_kvm_t", "level": "l"}, bad)
    assert one == f'seLinuxOptions: pod {said} type "foo"; user may not be set; role may not be set'
    assert two == f'seLinuxOptions: containers "c", "d" {said} type "foo"; user may not be set; role may not be set'
    for options, what in (({"type": "bad"}, 'type "bad"'), ({"user": "u"}, "user may not be set"), ({"role": "r"}, "role may not be set")):
        assert found(profiles.selinux, pod(security={"seLinuxOptions": options})) == f"seLinuxOptions: pod {said} {what}"
    types = pod(of("a", seLinuxOptions={"type": "foo"}), security={"seLinuxOptions": {"type": "bar"}})
    assert found(profiles.selinux, types) == f'seLinuxOptions: pod and container "a" {said} types "bar", "foo"'
    for kind in ("container_t", "container_init_t", "container_kvm_t", ""):
        assert found(profiles.selinux, pod(of("a", seLinuxOptions={"type": kind}))) == ""
    engine = pod(of("a", seLinuxOptions={"type": "container_engine_t"}))
    assert found(profiles.selinux, engine) != ""
    assert found(profiles.selinux_1_31, engine) == ""


@pytest.mark.parametrize(
    ("check", "allowed"), [(profiles.capabilities, sorted(profiles._CAPABILITIES)), (restricted.capabilities, ["NET_BIND_SERVICE"])]
)
def test_capabilities_that_may_be_added(check: Check, allowed: list[str]) -> None:
    good = {"add": allowed, "drop": ["ALL"]}
    assert found(check, pod(of("a", capabilities=good), of("b", capabilities=good))) == ""
    bad = [of("a", capabilities={"add": [*allowed, "SYS_TIME"], "drop": ["ALL"]}), of("b", capabilities={"add": ["BPF"], "drop": ["ALL"]})]
    said = 'containers "a", "b" must not include "BPF", "SYS_TIME" in securityContext.capabilities.add'
    assert found(check, pod(*bad, of("c", capabilities=good))).endswith(f": {said}")
    assert len(profiles._CAPABILITIES) == 13


def test_all_capabilities_are_dropped_where_that_is_required() -> None:
    said = 'must set securityContext.capabilities.drop=["ALL"]'
    assert found(restricted.capabilities, pod(of("a"), of("b", capabilities={"drop": ["CHOWN"]}))) == (
        f'unrestricted capabilities: containers "a", "b" {said}'
    )
    assert found(restricted.capabilities, pod(of("a", capabilities={"add": ["BPF"]}))) == (
        f'unrestricted capabilities: container "a" {said}; '
        'container "a" must not include "BPF" in securityContext.capabilities.add'
    )
    assert found(restricted.capabilities_1_25, pod(os={"name": "windows"})) == ""
    assert found(restricted.capabilities_1_25, pod()) != ""


REFUSED = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd", "flexVolume", "cinder",
    "cephfs",
    "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "portworxVolume", "scaleIO", "storageos", "photonPersistentDisk",
)  # fmt: skip


@pytest.mark.parametrize(("kind", "shown"), [*((kind, kind) for kind in REFUSED), ("madeUp", "unknown")])
def test_volumes_that_hold_a_host_or_a_disk(kind: str, shown: str) -> None:
    spec = pod(volumes=[{"name": "fine", "emptyDir": {}}, {"name": "v", kind: {}}])
    assert found(restricted.volumes, spec) == f'restricted volume types: volume "v" uses restricted volume type "{shown}"'


@pytest.mark.parametrize(
    "kind", ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"]
)
def test_volumes_that_hold_nothing_of_the_node(kind: str) -> None:
    assert found(restricted.volumes, pod(volumes=[{"name": "v", kind: {}}])) == ""
    two = pod(volumes=[{"name": "v", kind: {}}, {"name": "b", "nfs": {}}, {"name": "a", "fc": {}}, {"name": "c", "nfs": {}}])
    assert found(restricted.volumes, two) == (
        'restricted volume types: volumes "b", "a", "c" use restricted volume types "fc", "nfs"'
    )


def test_root_is_refused() -> None:
    one, two = both(restricted.user, "runAsUser", 1, 0)
    assert (one, two) == ("runAsUser=0: pod must not set runAsUser=0", 'runAsUser=0: containers "c", "d" must not set runAsUser=0')
    root = pod(of("a", runAsUser=0), security={"runAsUser": 0})
    assert found(restricted.user_1_35, root) == 'runAsUser=0: pod and container "a" must not set runAsUser=0'
    assert found(restricted.user_1_35, {**root, "hostUsers": True}) != ""
    assert found(restricted.user_1_35, {**root, "hostUsers": False}) == ""
    must_not, must = "must not set securityContext.runAsNonRoot=false", "must set securityContext.runAsNonRoot=true"
    one, two = both(restricted.non_root, "runAsNonRoot", True, False)
    assert (one, two) == (f"runAsNonRoot != true: pod {must_not}", f'runAsNonRoot != true: containers "c", "d" {must_not}')
    assert found(restricted.non_root, pod(of("a"), of("b"), of("c", runAsNonRoot=True))) == (
        f'runAsNonRoot != true: pod or containers "a", "b" {must}'
    )
    assert found(restricted.non_root, pod(of("c", runAsNonRoot=True))) == ""
    assert found(restricted.non_root_1_35, pod(hostUsers=False)) == ""
    assert found(restricted.non_root_1_35, pod()) == f'runAsNonRoot != true: pod or container "a" {must}'


def test_privilege_escalation() -> None:
    said = "must set securityContext.allowPrivilegeEscalation=false"
    spec = pod(of("a"), of("b", allowPrivilegeEscalation=True), of("c", allowPrivilegeEscalation=False))
    for check in (restricted.privilege_escalation, restricted.privilege_escalation_1_25):
        assert found(check, spec) == f'allowPrivilegeEscalation != false: containers "a", "b" {said}'
    assert found(restricted.privilege_escalation_1_25, {**spec, "os": {"name": "windows"}}) == ""
    assert found(restricted.privilege_escalation, {**spec, "os": {"name": "windows"}}) != ""


def test_what_a_pod_takes_of_its_host() -> None:
    assert found(host.host_namespaces, pod(hostNetwork=True, hostPID=True, hostIPC=True)) == (
        "host namespaces: hostNetwork=true, hostPID=true, hostIPC=true"
    )
    assert found(host.host_namespaces, pod(hostNetwork=False)) == ""
    volumes = [{"name": "a", "hostPath": {}}, {"name": "b", "emptyDir": {}}, {"name": "c", "hostPath": {}}]
    assert found(host.host_path_volumes, pod(volumes=volumes)) == 'hostPath volumes: volumes "a", "c"'
    assert found(host.host_path_volumes, pod(volumes=volumes[1:2])) == ""
    one = {"name": "a", "ports": [{"containerPort": 1}, {"hostPort": 80}]}
    assert found(host.host_ports, pod(one)) == 'hostPort: container "a" uses hostPort 80'
    assert found(host.host_ports, pod(one, {"name": "b", "ports": [{"hostPort": 9}, {"hostPort": 80}]})) == (
        'hostPort: containers "a", "b" use hostPorts 80, 9'
    )
    assert found(host.host_ports, pod({"name": "a", "ports": [{"containerPort": 1, "hostPort": 0}]})) == ""
    assert found(host.privileged, pod(of("a", privileged=True), of("b", privileged=False), of("c", privileged=True))) == (
        'privileged: containers "a", "c" must not set securityContext.privileged=true'
    )
    assert found(host.privileged, pod(of("a"))) == ""


def test_proc_mounts_are_the_default() -> None:
    spec = pod(of("a", procMount="Unmasked"), of("b", procMount="Default"), of("c"), of("d", procMount="x"))
    for check in (host.proc_mount, host.proc_mount_1_35):
        assert found(check, spec) == 'procMount: containers "a", "d" must not set securityContext.procMount to "Unmasked", "x"'
    assert found(host.proc_mount, {**spec, "hostUsers": False}) != ""
    assert found(host.proc_mount_1_35, {**spec, "hostUsers": False}) == ""


@pytest.mark.parametrize(
    ("where", "action"),
    [("livenessProbe", "httpGet"), ("readinessProbe", "tcpSocket"), ("startupProbe", "httpGet"), ("postStart", "tcpSocket"),
     ("preStop", "httpGet")],
)  # fmt: skip
def test_probes_and_hooks_ask_no_other_host(where: str, action: str) -> None:
    handler = {where: {action: {"host": "h"}}}
    spec = pod({"name": "a", **({"lifecycle": handler} if where in ("postStart", "preStop") else handler)}, {"name": "b"})
    assert found(host.hosts_asked, spec) == 'probe or lifecycle host: container "a" uses probe or lifecycle host "h"'
    assert found(host.hosts_asked, pod({"name": "a", "livenessProbe": {"httpGet": {"path": "/"}, "exec": {}}, "lifecycle": {}})) == ""


def test_several_containers_ask_several_hosts() -> None:
    probes = [{"name": n, "livenessProbe": {"tcpSocket": {"host": h}}} for n, h in (("z", "b.com"), ("y", "a.com"))]
    assert found(host.hosts_asked, pod(*probes)) == (
        'probe or lifecycle host: containers "y", "z" use probe or lifecycle hosts "a.com", "b.com"'
    )


def test_sysctls_by_version() -> None:
    oldest = ["kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
              "net.ipv4.ip_unprivileged_port_start"]  # fmt: skip
    later = {
        host.sysctls: [], host.sysctls_1_27: ["net.ipv4.ip_local_reserved_ports"],
        host.sysctls_1_29: ["net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
                            "net.ipv4.tcp_keepalive_probes"],
        host.sysctls_1_32: ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"],
    }  # fmt: skip
    every = [*oldest, *(name for names in later.values() for name in names)]
    known = list(oldest)
    for check, names in later.items():
        known += names
        refused = [name for name in [*every, "x"] if found(check, pod(security={"sysctls": [{"name": name}]}))]
        assert refused == [name for name in [*every, "x"] if name not in known]
    assert found(host.sysctls_1_32, pod(security={"sysctls": [{"name": "a"}, {"name": "b"}]})) == "forbidden sysctls: a, b"


def test_host_processes_on_windows() -> None:
    asks = {"windowsOptions": {"hostProcess": True}}
    said = "must not set securityContext.windowsOptions.hostProcess=true"
    assert found(host.windows_host_process, pod(of("a"), of("b", **asks), security=asks)) == f'hostProcess: pod and container "b" {said}'
    assert found(host.windows_host_process, pod(of("a", windowsOptions={}))) == ""


# --- the policy ---
def test_labels_name_level_and_version_of_each_mode() -> None:
    label = "pod-security.kubernetes.io/"
    labels = {f"{label}enforce": "baseline", f"{label}enforce-version": "v1.30", f"{label}audit": "restricted",
              f"{label}audit-version": "latest", f"{label}warn": "privileged", f"{label}warn-version": "v1.0"}  # fmt: skip
    policy, wrong = policy_of(labels)
    assert [str(each) for each in (policy.enforce, policy.audit, policy.warn)] == ["baseline:v1.30", "restricted:latest", "privileged:v1.0"]
    assert wrong == []
    assert policy_of({"x": "y"})[0].allows_all
    assert not policy.allows_all
    for mode in ("enforce", "audit", "warn"):
        assert not policy_of({f"{label}{mode}": "restricted"})[0].allows_all


def test_what_is_enforced_is_warned_about_in_the_version_of_the_warnings() -> None:
    label = "pod-security.kubernetes.io/"
    policy, _ = policy_of({f"{label}enforce": "restricted", f"{label}enforce-version": "v1.30", f"{label}warn-version": "v1.20"})
    assert str(policy.warn) == "restricted:v1.20"
    assert str(policy_of({f"{label}enforce": "restricted", f"{label}warn": "baseline"})[0].warn) == "baseline:latest"
    policy, wrong = policy_of({f"{label}enforce": "nonsense"})
    assert (str(policy.enforce), str(policy.warn), len(wrong)) == ("restricted:latest", "privileged:latest", 1)


def test_levels_are_ordered() -> None:
    order = [LevelVersion("privileged"), LevelVersion("baseline"), LevelVersion("restricted")]
    assert [[stricter(a, b) for b in order] for a in order] == [[False] * 3, [True, False, False], [True, True, False]]


def test_which_checks_a_version_has() -> None:
    spec = pod(of("a", procMount="Unmasked", runAsUser=0), volumes=[{"name": "v", "hostPath": {}}], hostUsers=False)

    def reasons(level: str, minor: int = -1) -> list[str]:
        return [violation.reason for violation in violations(LevelVersion(level, minor), {}, spec)]

    assert reasons("privileged") == []
    assert reasons("baseline", 0) == ["hostPath volumes", "procMount"]
    assert reasons("baseline") == ["hostPath volumes"]
    # where a restricted check takes the place of a baseline one, that one is not asked
    assert reasons("restricted", 0) == ["procMount", "restricted volume types", "runAsNonRoot != true"]
    assert reasons("restricted") == [
        "allowPrivilegeEscalation != false", "unrestricted capabilities", "procMount", "restricted volume types", "seccompProfile",
    ]  # fmt: skip
    assert "runAsUser=0" in reasons("restricted", 34)
    assert "runAsUser=0" not in reasons("restricted", 22)
    assert reasons("restricted", 99) == reasons("restricted")


# --- pods that are there already ---
def test_one_pod_of_each_controller_is_looked_at_first() -> None:
    def owned(name: str, uid: str = "") -> Obj:
        refs = [{"uid": uid, "controller": True, "apiVersion": "v1", "kind": "X", "name": "x"}] if uid else []
        return {"metadata": {"name": name, "ownerReferences": refs}}

    pods = [owned("a1", "a"), owned("a2", "a"), owned("b1", "b"), owned("free"), owned("a3", "a"), owned("free2")]
    assert [p["metadata"]["name"] for p in prioritized(pods)] == ["a1", "b1", "free", "free2", "a2", "a3"]


def test_pods_with_the_same_faults_are_told_together() -> None:
    checked = [PodViolations("c", "x"), PodViolations("a", "x"), PodViolations("ok", ""), PodViolations("d", "y"), PodViolations("b", "x")]
    head = 'existing pods in namespace "n" violate the new PodSecurity enforce level "p"'
    assert pod_warnings("n", "p", checked, 5) == [head, "a (and 2 other pods): x", "d: y"]
    assert pod_warnings("n", "p", checked[:2], 2) == [head, "a (and 1 other pod): x"]
    few = "new PodSecurity enforce level only checked against the first 1 of 9 existing pods"
    assert pod_warnings("n", "p", [PodViolations("ok", "")], 9) == [few]
    assert pod_warnings("n", "p", [PodViolations("ok", "")], 1) == []


@pytest.mark.parametrize(
    ("part", "old", "new", "significant"),
    [
        ("containers", ["i"], ["i"], False),
        ("containers", ["i"], ["j"], True),
        ("containers", ["i"], ["i", "i"], True),
        ("initContainers", ["i"], ["j"], True),
        ("initContainers", ["i"], ["i"], False),
        ("ephemeralContainers", ["i"], ["i"], False),
        ("ephemeralContainers", ["i"], ["j"], True),
        ("ephemeralContainers", [], ["i"], True),
        ("ephemeralContainers", ["i", "j"], ["i"], False),
    ],
)
def test_which_changes_of_a_pod_are_looked_at(part: str, old: list[str], new: list[str], significant: bool) -> None:
    def made(images: list[str]) -> Obj:
        return {"spec": {part: [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]}}

    assert is_significant(made(new), made(old)) is significant


def test_where_the_kinds_keep_a_template() -> None:
    template = {"spec": {}}
    assert template_of("podtemplates", {"template": template}) is template
    assert template_of("deployments.apps", {"spec": {"template": template}}) is template
    assert template_of("cronjobs.batch", {"spec": {"jobTemplate": {"spec": {"template": template}}}}) is template
    assert template_of("jobs.batch", {"spec": {}}) is None
    assert template_of("cronjobs.batch", {"spec": {}}) is None
