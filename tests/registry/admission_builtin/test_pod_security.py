"""PodSecurity: which policy holds, what it finds, and what a namespace, a pod and a workload are told."""

from __future__ import annotations

import pytest

from tests.registry.admission_builtin.registry_world import SPACE, Body, World, pod, run
from wherry.api.errors import Forbidden, Invalid
from wherry.rules.admission import pod_security
from wherry.rules.admission.pod_security import LevelVersion, detailed, policy_of, violations

LABEL = "pod-security.kubernetes.io/"
GOOD: Body = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
RESTRICTED = LevelVersion("restricted")
BASELINE = LevelVersion("baseline")


def _spec(**spec: object) -> Body:
    return {"containers": [{"name": "c", "image": "i"}], **spec}


def _found(policy: LevelVersion, spec: Body, **notes: str) -> str:
    return detailed(violations(policy, {"annotations": notes}, spec))


def test_a_plain_pod_goes_against_restricted_in_four_ways() -> None:
    assert _found(RESTRICTED, _spec()) == (
        'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )


def test_a_careful_pod_goes_through() -> None:
    spec = _spec(securityContext={"seccompProfile": {"type": "RuntimeDefault"}})
    spec["containers"][0]["securityContext"] = GOOD
    assert _found(RESTRICTED, spec) == ""


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (_spec(hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)"),
        (_spec(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), 'hostPath volumes (volume "v")'),
        (
            {"containers": [{"name": n, "ports": [{"hostPort": p}]} for n, p in (("a", 80), ("b", 443))]},
            'hostPort (containers "a", "b" use hostPorts 443, 80)',
        ),
        (
            {"containers": [{"name": "a", "securityContext": {"privileged": True}}]},
            'privileged (container "a" must not set securityContext.privileged=true)',
        ),
        (
            {"containers": [{"name": "a", "securityContext": {"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}}]},
            'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)',
        ),
        (_spec(securityContext={"sysctls": [{"name": "kernel.msgmax"}]}), "forbidden sysctls (kernel.msgmax)"),
        (
            _spec(securityContext={"seLinuxOptions": {"type": "t", "user": "u"}}),
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set)',
        ),
        (
            _spec(securityContext={"seccompProfile": {"type": "Unconfined"}}),
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "h"}}}]},
            'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
        ),
    ],
)
def test_what_baseline_finds(spec: Body, found: str) -> None:
    assert _found(BASELINE, spec) == found


_EVERY_KIND = ("containers", "initContainers", "ephemeralContainers")
_BASELINE_FAULTS: list[tuple[Body, str]] = [
    ({"securityContext": {"privileged": True}}, "privileged"),
    ({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}, "non-default capabilities"),
    ({"securityContext": {"procMount": "Unmasked"}}, "procMount"),
    ({"securityContext": {"seLinuxOptions": {"user": "u"}}}, "seLinuxOptions"),
    ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile"),
    ({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, "forbidden AppArmor profile"),
    ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, "hostProcess"),
    ({"ports": [{"hostPort": 80}]}, "hostPort"),
    ({"lifecycle": {"preStop": {"httpGet": {"host": "h"}}}}, "probe or lifecycle host"),
]
_RESTRICTED_FAULTS: list[tuple[Body, str]] = [
    ({"allowPrivilegeEscalation": True}, "allowPrivilegeEscalation != false"),
    ({"capabilities": {}}, "unrestricted capabilities"),
    ({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}, "unrestricted capabilities"),
    ({"runAsNonRoot": False}, "runAsNonRoot != true"),
    ({"runAsUser": 0}, "runAsUser=0"),
    ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
]


@pytest.mark.parametrize("kind", _EVERY_KIND)
@pytest.mark.parametrize(("fault", "found"), _BASELINE_FAULTS)
def test_baseline_looks_into_every_kind_of_container(kind: str, fault: Body, found: str) -> None:
    bad = {"name": "bad", "image": "i", **fault}
    spec = _spec(**{kind: [bad]})
    assert _found(BASELINE, spec).startswith(f"{found} ("), _found(BASELINE, spec)
    assert '"bad"' in _found(BASELINE, spec)


@pytest.mark.parametrize("kind", _EVERY_KIND)
@pytest.mark.parametrize(("fault", "found"), _RESTRICTED_FAULTS)
def test_restricted_looks_into_every_kind_of_container(kind: str, fault: Body, found: str) -> None:
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    good: Body = {"name": "c", "image": "i", "securityContext": GOOD}
    bad: Body = {"name": "bad", "image": "i", "securityContext": {**GOOD, **fault}}
    spec: Body = {"containers": [good], "securityContext": profile, kind: [bad]}
    assert found in _found(RESTRICTED, spec)
    assert '"bad"' in _found(RESTRICTED, spec)
    spec[kind][0]["securityContext"] = GOOD
    assert _found(RESTRICTED, spec) == ""


def test_older_versions_look_for_less() -> None:
    assert _found(LevelVersion("restricted", 7), _spec(hostUsers=False)).startswith("runAsNonRoot")
    assert "runAsNonRoot" not in _found(RESTRICTED, _spec(hostUsers=False))
    probe = {"containers": [{"name": "a", "livenessProbe": {"tcpSocket": {"host": "h"}}}]}
    assert _found(LevelVersion("baseline", 33), probe) == ""


def test_labels_that_cannot_be_read_enforce_the_most_and_tell_nothing() -> None:
    policy, wrong = policy_of({f"{LABEL}enforce": "x", f"{LABEL}warn-version": "1.2"})
    assert (str(policy.enforce), str(policy.warn)) == ("restricted:latest", "privileged:latest")
    assert [e.message for e in wrong] == [
        'Invalid value: "x": must be one of privileged, baseline, restricted',
        'Invalid value: "1.2": must be "latest" or "v1.x"',
    ]


def test_what_is_enforced_is_warned_about_too() -> None:
    policy, _ = policy_of({f"{LABEL}enforce": "baseline", f"{LABEL}enforce-version": "v1.30"})
    assert str(policy.warn) == "baseline:v1.30"


def test_a_pod_is_refused_and_a_workload_warned() -> None:
    async def test(world: World) -> None:
        await world.patch("namespaces", SPACE, {"metadata": {"labels": {f"{LABEL}enforce": "baseline"}}})
        bad = pod(hostNetwork=True)
        with pytest.raises(Forbidden) as refused:
            await world.create("pods", bad)
        assert refused.value.message == 'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'
        template = {"metadata": {"labels": {"app": "d"}}, "spec": bad["spec"]}
        spec = {"selector": {"matchLabels": {"app": "d"}}, "template": template}
        written = await world.written("deployments.apps", {"metadata": {"name": "d"}, "spec": spec})
        assert written.warnings == ('would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',)

    run(test)


def test_a_namespace_that_enforces_more_is_told_of_its_pods() -> None:
    async def test(world: World) -> None:
        for name in "ab":
            await world.create("pods", pod(name, hostPID=True))
        target = world.target("namespaces", SPACE)
        body = {"metadata": {"labels": {f"{LABEL}enforce": "baseline"}}}
        from wherry.api.options import ADMIN, DEFAULT_WRITE, MERGE_PATCH

        written = await world.registry.patch(target, MERGE_PATCH, body, DEFAULT_WRITE, ADMIN)
        assert written.warnings == (
            'existing pods in namespace "a" violate the new PodSecurity enforce level "baseline:latest"',
            "a (and 1 other pod): host namespaces",
        )

    run(test)


def test_a_namespace_must_have_labels_that_can_be_read() -> None:
    async def test(world: World) -> None:
        with pytest.raises(Invalid, match=r'metadata.labels\[pod-security.kubernetes.io/audit\]: Invalid value: "x"'):
            await world.create("namespaces", {"metadata": {"name": "b", "labels": {f"{LABEL}audit": "x"}}})

    run(test)


def test_only_images_and_more_containers_are_looked_at_again() -> None:
    old = pod()
    assert not pod_security.is_significant({**old, "metadata": {"labels": {"a": "b"}}}, old)
    new = pod()
    new["spec"]["containers"][0]["image"] = "j"
    assert pod_security.is_significant(new, old)
    new = pod(ephemeralContainers=[{"name": "e", "image": "i"}])
    assert pod_security.is_significant(new, old)
