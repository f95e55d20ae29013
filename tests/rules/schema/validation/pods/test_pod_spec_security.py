"""Security contexts, profiles, operating systems, and annotations that stand for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.schema.validation.pods.pod_specs import container, of_container, of_pod, said

RANGE = "must be between 0 and 2147483647, inclusive"
SECCOMP = "container.seccomp.security.alpha.kubernetes.io/c"


@pytest.mark.parametrize(
    ("context", "errors"),
    [
        ({"runAsUser": -1}, [f".runAsUser: Invalid value: -1: {RANGE}"]),
        ({"procMount": "None"}, ['.procMount: Unsupported value: "None": supported values: "Default", "Unmasked"']),
        ({"procMount": "Unmasked"}, ['.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`']),
        ({"seccompProfile": {}}, [".seccompProfile.type: Required value: type is required when seccompProfile is set"]),
        ({"seccompProfile": {"type": "Localhost"}},
         [".seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"]),
        ({"seccompProfile": {"type": "Unconfined", "localhostProfile": "a"}},
         ['.seccompProfile.localhostProfile: Invalid value: {"Type":"Unconfined","LocalhostProfile":"a"}: can only be set when seccomp '
          "type is Localhost"]),
        ({"appArmorProfile": {"type": "Localhost", "localhostProfile": " a"}},
         ['.appArmorProfile.localhostProfile: Invalid value: " a": must not be padded with whitespace']),
        ({"privileged": True, "allowPrivilegeEscalation": False},
         [': Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,'
          '"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,'
          '"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true']),
        ({"windowsOptions": {"runAsUserName": "a\\b\\c"}},
         ['.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash']),
    ],
)  # fmt: skip
def test_a_containers_context(context: dict[str, Any], errors: list[str]) -> None:
    assert of_container(securityContext=context) == [f"securityContext{e}" for e in errors]


@pytest.mark.parametrize(
    ("context", "errors"),
    [
        ({"fsGroup": 2**31}, [f".fsGroup: Invalid value: 2147483648: {RANGE}"]),
        ({"supplementalGroups": [1, -1]}, [f".supplementalGroups[1]: Invalid value: -1: {RANGE}"]),
        ({"fsGroupChangePolicy": "Never"},
         ['.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"']),
        ({"seLinuxChangePolicy": "MountOption"}, ['.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"']),
        ({"sysctls": [{"name": "a..b", "value": "1"}]},
         ['.sysctls[0].name: Invalid value: "a..b": must have at most 253 characters and match regex '
          "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"]),
        ({"sysctls": [{"name": "net/ipv4/x", "value": "1"}] * 2}, ['.sysctls[1].name: Duplicate value: "net/ipv4/x"']),
    ],
)  # fmt: skip
def test_a_pods_context(context: dict[str, Any], errors: list[str]) -> None:
    assert said(securityContext=context) == [f"securityContext{e}" for e in errors]


def test_parameters_of_a_shared_namespace_are_the_hosts() -> None:
    found = said(securityContext={"sysctls": [{"name": "net/core/somaxconn", "value": "1"}]}, hostNetwork=True)
    at = "securityContext.sysctls[0].name"
    assert found == [f"{at}: Invalid value: \"net/core/somaxconn\": may not be specified when 'hostNetwork' is true"]


def test_a_pod_with_its_own_users_shares_nothing_with_the_host() -> None:
    found = said(hostUsers=False, hostNetwork=True, hostPID=True)
    assert found == ["hostNetwork: Forbidden: when `hostUsers` is false", "HostPID: Forbidden: when `hostUsers` is false"]
    text = "ShareProcessNamespace and HostPID cannot both be enabled"
    assert said(shareProcessNamespace=True, hostPID=True) == [f"securityContext.shareProcessNamespace: Invalid value: true: {text}"]


def test_an_operating_system_has_its_own_fields() -> None:
    assert said(os={"name": "plan9"}) == ['os: Unsupported value: "plan9": supported values: "linux", "windows"']
    assert said(os={"name": "windows"}, hostPID=True, securityContext={"runAsUser": 1}) == [
        "hostPID: Forbidden: cannot be set for a windows pod", "securityContext.runAsUser: Forbidden: cannot be set for a windows pod"
    ]  # fmt: skip
    windows = container(securityContext={"windowsOptions": {"runAsUserName": "u"}})
    assert said(os={"name": "linux"}, containers=[windows]) == [
        "containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"
    ]


@pytest.mark.parametrize(
    ("user", "error"),
    [
        ("", " cannot be an empty string"),
        ("a\t", " cannot contain control characters"),
        (".x\\u", "'s Domain doesn't match the NetBios nor the DNS format"),
        ("d\\", "'s User cannot be empty"),
        ("..", "'s User cannot contain only periods or spaces"),
        ("a@b", "'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"),
        ("u" * 105, "'s User length must not be longer than 104 characters"),
    ],
)
def test_a_user_of_windows(user: str, error: str) -> None:
    found = of_container(securityContext={"windowsOptions": {"runAsUserName": user}})
    assert [text.partition("runAsUserName")[2].partition("runAsUserName")[2] for text in found] == [error]


def test_tolerations_and_profiles_in_annotations_are_read() -> None:
    key = "scheduler.alpha.kubernetes.io/tolerations"
    assert said({key: '[{"key": "a", "operator": "Exists"}]'}) == []
    assert said({key: '[{"key": "a", "operator": "X"}]'}) == [
        f'~.annotations.{key}[0].operator: Unsupported value: "X": supported values: "Equal", "Exists"'
    ]
    assert said({key: "["}) == [f'~.annotations: Invalid value: "{key}": unexpected end of JSON input']
    pod = "seccomp.security.alpha.kubernetes.io/pod"
    profile = {"seccompProfile": {"type": "Localhost", "localhostProfile": "b"}}
    assert said({pod: "mine"}) == [f'~.annotations.{pod}: Invalid value: "mine": must be a valid seccomp profile']
    assert said({pod: "localhost/b"}, securityContext=profile) == []
    assert said({pod: "localhost/a"}, securityContext=profile) == [
        "securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match"
    ]


def test_a_mirror_pod_is_on_a_node() -> None:
    key = "kubernetes.io/config.mirror"
    assert of_pod({"annotations": {key: "m"}}) == [
        f'metadata.annotations[{key}]: Invalid value: "m": must set spec.nodeName if mirror pod annotation is set'
    ]


def test_host_processes_are_all_of_a_pod() -> None:
    host = {"windowsOptions": {"hostProcess": True}}
    found = said(containers=[container(securityContext=host), container(name="d")])
    assert found == [
        '~.spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
        "hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
    ]


def test_profiles_in_annotations_agree_with_the_fields() -> None:
    profiled = container(securityContext={"seccompProfile": {"type": "RuntimeDefault"}})
    assert said({SECCOMP: "docker/default"}, containers=[profiled]) == []
    assert said({SECCOMP: "unconfined"}, containers=[profiled]) == [
        "containers[0].securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"
    ]
    armor = "container.apparmor.security.beta.kubernetes.io/x"
    assert said({armor: "weird"}) == [
        f'~.annotations[{armor}]: Invalid value: "x": container not found',
        f'~.annotations[{armor}]: Invalid value: "weird": invalid AppArmor profile name: "weird"',
    ]


@pytest.mark.parametrize(("cost", "good"), [("10", True), ("-5", True), ("0", True), ("+1", False), ("01", False), ("3000000000", False)])
def test_a_deletion_cost_is_a_number(cost: str, good: bool) -> None:
    key = "controller.kubernetes.io/pod-deletion-cost"
    found = of_pod({"annotations": {key: cost}})
    assert found == ([] if good else [f'metadata.annotations[{key}]: Invalid value: "{cost}": must be a 32bit integer'])
