"""Containers: names, images, ports, environment, mounts, probes, restarts, resources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.schema.validation.pods.pod_specs import container, of_container, of_pod, said

HTTP = {"httpGet": {"path": "/", "port": 80}}
DATA = [{"name": "data", "emptyDir": {}}]


def mounted(*mounts: dict[str, Any], **fields: Any) -> list[str]:
    found = said(containers=[container(volumeMounts=list(mounts), **fields)], volumes=DATA)
    return [text.removeprefix("containers[0].volumeMounts") for text in found]


def test_a_good_container_has_no_errors() -> None:
    assert of_container(ports=[{"containerPort": 80}], livenessProbe=HTTP, readinessProbe=HTTP, env=[{"name": "A", "value": "b"}]) == []


def test_a_name_is_a_label_that_is_there_once() -> None:
    assert of_container(name="") == ["name: Required value"]
    assert of_container(name="a.b") == ['name: Invalid value: "a.b": must not contain dots']
    twice = said(containers=[container()], initContainers=[container()])
    assert twice == ['initContainers[0].name: Duplicate value: "c"']


def test_an_image_has_no_blanks_around_it_in_a_pod() -> None:
    assert of_container(image=" nginx") == []
    assert of_pod(containers=[container(image=" nginx")]) == [
        'spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'
    ]


@pytest.mark.parametrize(
    ("port", "error"),
    [
        ({"containerPort": 0}, "containerPort: Required value"),
        ({"containerPort": 80, "hostPort": 70000}, "hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ({"containerPort": 80, "protocol": "tcp"}, 'protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'),
        ({"containerPort": 80, "name": "a--b"}, 'name: Invalid value: "a--b": must not contain consecutive hyphens'),
    ],
)
def test_a_port(port: dict[str, Any], error: str) -> None:
    assert of_container(ports=[port]) == [f"ports[0].{error}"]


def test_two_containers_do_not_share_a_host_port() -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}]
    found = said(containers=[container(ports=ports), container(name="d", ports=ports)])
    assert found == ['containers[1].ports[0].hostPort: Duplicate value: "TCP//8080"']
    alone = said(initContainers=[container(name="a", ports=ports), container(name="b", ports=ports)])
    assert alone == []


def test_on_the_hosts_network_ports_are_the_hosts() -> None:
    ports = [{"containerPort": 80, "hostPort": 81}]
    text = "hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"
    assert said(containers=[container(ports=ports)], hostNetwork=True) == [f"containers[0].ports[0].{text}"]
    assert said(containers=[container(ports=[{"containerPort": 80}])], hostNetwork=True) == []


@pytest.mark.parametrize(
    ("variable", "error"),
    [
        ({"name": "A=B"}, '.name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters'
                          " other than '='"),
        ({"name": "A", "valueFrom": {}}, '.valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, '
                                         "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"),
        ({"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
         '.valueFrom: Invalid value: "": may not be specified when `value` is not empty'),
        ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nosuch"}}},
         '.valueFrom.fieldRef.fieldPath: Invalid value: "spec.nosuch": error converting fieldPath: field label not supported: spec.nosuch'),
        ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.restartPolicy"}}},
         '.valueFrom.fieldRef.fieldPath: Unsupported value: "spec.restartPolicy": supported values: "metadata.name", "metadata.namespace", '
         '"metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'),
        ({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}},
         '.valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu '
         "resource"),
        ({"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m"}}}, ".valueFrom.configMapKeyRef.key: Required value"),
    ],
)  # fmt: skip
def test_an_environment_variable(variable: dict[str, Any], error: str) -> None:
    assert of_container(env=[variable]) == [f"env[0]{error}"]


def test_a_subscript_names_a_label() -> None:
    def ref(path: str) -> list[str]:
        return of_container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}])

    assert ref("metadata.labels['app.kubernetes.io/name']") == []
    assert ref("spec.nodeName['a']")[0].endswith("field label does not support subscript: spec.nodeName['a']")


def test_a_file_with_variables_is_on_an_empty_dir() -> None:
    def keys(volumes: list[dict[str, Any]]) -> list[str]:
        ref = {"volumeName": "data", "path": "f", "key": "K"}
        return said(containers=[container(env=[{"name": "A", "valueFrom": {"fileKeyRef": ref}}])], volumes=volumes)

    at = "containers[0].env[0].valueFrom.fileKeyRef.volumeName"
    assert keys(DATA) == []
    assert keys([]) == [f'{at}: Not found: "data"']
    assert keys([{"name": "data", "secret": {"secretName": "s"}}]) == [
        f'{at}: Invalid value: "data": referenced volume must be of type emptyDir'
    ]


def test_a_source_of_variables_is_one_of_two() -> None:
    assert of_container(envFrom=[{}]) == ['envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`']
    both = {"configMapRef": {"name": "m"}, "secretRef": {}}
    assert of_container(envFrom=[both]) == [
        "envFrom[0].secretRef.name: Required value", 'envFrom: Invalid value: "": may not have more than one field specified at a time'
    ]  # fmt: skip


def test_a_mount_is_of_a_volume_at_a_path_of_its_own() -> None:
    place = {"name": "data", "mountPath": "/a"}
    assert mounted(place, {"name": "data", "mountPath": "/b", "subPath": "x", "readOnly": True}) == []
    assert mounted(place, place) == ['[1].mountPath: Invalid value: "/a": must be unique']
    nothing = ["[0].name: Required value", '[0].name: Not found: ""', "[0].mountPath: Required value"]
    assert mounted({"name": "", "mountPath": ""}) == nothing
    assert mounted({**place, "subPath": "../x"}) == [".subPath: Invalid value: \"../x\": must not contain '..'"]
    assert mounted({**place, "subPathExpr": "/x"}) == ['.subPathExpr: Invalid value: "/x": must be a relative path']


def test_mounts_spread_only_from_privileged_containers() -> None:
    place = {"name": "data", "mountPath": "/a", "mountPropagation": "Bidirectional"}
    text = ".mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers"
    assert mounted(place) == [text]
    assert mounted(place, securityContext={"privileged": True}) == []


def test_a_recursive_read_only_mount_is_read_only() -> None:
    place = {"name": "data", "mountPath": "/a", "recursiveReadOnly": "Enabled"}
    assert mounted(place) == [".recursiveReadOnly: Forbidden: may only be specified when readOnly is true"]
    assert mounted({**place, "readOnly": True}) == []
    assert mounted({**place, "recursiveReadOnly": "Yes"}) == [
        '.recursiveReadOnly: Unsupported value: "Yes": supported values: "Disabled", "Enabled", "IfPossible"'
    ]


def test_a_volume_is_mounted_or_a_device_and_not_both() -> None:
    claim = [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]
    place = {"name": "data", "mountPath": "/a"}
    found = said(containers=[container(volumeMounts=[place], volumeDevices=[{"name": "data", "devicePath": "/a"}])], volumes=claim)
    assert [text.removeprefix("containers[0].") for text in found] == [
        'volumeMounts[0].name: Invalid value: "data": must not already exist in volumeDevices',
        'volumeMounts[0].mountPath: Invalid value: "/a": must not already exist as a path in volumeDevices',
        'volumeDevices[0].name: Invalid value: "data": must not already exist in volumeMounts',
        'volumeDevices[0].devicePath: Invalid value: "/a": must not already exist as a path in volumeMounts',
    ]


def test_a_device_is_of_a_claim() -> None:
    device = [{"name": "data", "devicePath": "/dev/x"}]
    claim = [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]
    assert said(containers=[container(volumeDevices=device)], volumes=claim) == []
    text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
    found = said(containers=[container(volumeDevices=device)], volumes=DATA)
    assert found == [f'containers[0].volumeDevices[0].name: Invalid value: "data": {text}']


@pytest.mark.parametrize(
    ("probe", "errors"),
    [
        ({}, [": Required value: must specify a handler type"]),
        ({"exec": {}}, [".exec.command: Required value"]),
        ({"tcpSocket": {"port": "UP"}}, [
            '.tcpSocket.port: Invalid value: "UP": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
            '.tcpSocket.port: Invalid value: "UP": must contain at least one letter (a-z)',
        ]),
        ({**HTTP, "successThreshold": 2}, [".successThreshold: Invalid value: 2: must be 1"]),
        ({**HTTP, "timeoutSeconds": -1}, [".timeoutSeconds: Invalid value: -1: must be greater than or equal to 0"]),
        ({**HTTP, "terminationGracePeriodSeconds": 0}, [".terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0"]),
        ({"httpGet": {"path": "/", "port": 80, "scheme": "FTP"}},
         ['.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"']),
        ({"exec": {"command": ["a"]}, "grpc": {"port": 1}}, [".grpc: Forbidden: may not specify more than 1 handler type"]),
    ],
)  # fmt: skip
def test_a_liveness_probe(probe: dict[str, Any], errors: list[str]) -> None:
    assert of_container(livenessProbe=probe) == [f"livenessProbe{e}" for e in errors]


def test_a_readiness_probe_may_want_several_successes_and_kills_nothing() -> None:
    assert of_container(readinessProbe={**HTTP, "successThreshold": 2}) == []
    assert of_container(readinessProbe={**HTTP, "terminationGracePeriodSeconds": 5}) == [
        "readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes"
    ]


def test_a_hook_sleeps_no_longer_than_the_grace_period() -> None:
    hook = {"preStop": {"sleep": {"seconds": 31}}}
    text = "must be non-negative and less than terminationGracePeriodSeconds (30)"
    assert of_container(lifecycle=hook) == [f"lifecycle.preStop.sleep: Invalid value: 31: {text}"]
    assert of_container(lifecycle={"postStart": {}}) == ["lifecycle.postStart: Required value: must specify a handler type"]


def test_only_sidecars_among_init_containers_have_probes() -> None:
    init = container(name="i", livenessProbe=HTTP)
    text = "initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"
    assert said(initContainers=[init]) == [text]
    assert said(initContainers=[{**init, "restartPolicy": "Always"}]) == []
    assert said(initContainers=[container(name="i", restartPolicy="Maybe")]) == [
        'initContainers[0].restartPolicy: Unsupported value: "Maybe": supported values: "Always", "Never", "OnFailure"'
    ]


def test_restart_rules_need_a_policy_and_exit_codes() -> None:
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]
    assert of_container(restartPolicy="Never", restartPolicyRules=rules) == []
    text = "restartPolicy: Required value: must specify restartPolicy when restart rules are used"
    assert of_container(restartPolicyRules=rules) == [text]
    assert said(initContainers=[container(name="i", restartPolicyRules=[{}])]) == [f"initContainers[0].{text}"]
    assert of_container(restartPolicy="Never", restartPolicyRules=rules * 21) == [
        "restartPolicyRules: Too many: 21: must have at most 20 items"
    ]
    assert of_container(restartPolicy="Never", restartPolicyRules=[{"action": "Stop"}]) == [
        'restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
        "restartPolicyRules[0].exitCodes: Required value: must be specified",
    ]


@pytest.mark.parametrize(
    ("resources", "errors"),
    [
        ({"limits": {"cpu": "-1"}}, ['.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
                                     '.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
        ({"requests": {"example.com/gpu": "1"}}, [".limits: Required value: Limit must be set for non overcommitable resources"]),
        ({"limits": {"example.com/gpu": "2"}, "requests": {"example.com/gpu": "1"}},
         ['.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2']),
        ({"limits": {"hugepages-2Mi": "2Mi"}, "requests": {"hugepages-2Mi": "2Mi"}}, [": Forbidden: HugePages require cpu or memory"]),
        ({"limits": {"cpu": "1", "hugepages-2Mi": "3Mi"}, "requests": {"cpu": "1", "hugepages-2Mi": "3Mi"}},
         [f'.{part}[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi'
          for part in ("limits", "requests")]),
        ({"claims": [{"name": "a"}]},
         ['.claims[0]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty']),
    ],
)  # fmt: skip
def test_resources(resources: dict[str, Any], errors: list[str]) -> None:
    found = of_pod(containers=[container(resources=resources)])
    assert found == [f"spec.containers[0].resources{e}" for e in errors]


def test_a_request_of_a_claim_is_used_once() -> None:
    claims = [{"name": "a", "resourceClaimName": "x"}, {"name": "a", "resourceClaimTemplateName": "y", "resourceClaimName": "x"}]
    found = of_pod({"annotations": {"kubernetes.io/config.mirror": "m"}}, nodeName="n", resourceClaims=claims[:1])
    assert found == [": Forbidden: static pods do not support resource claims"]
    used = [{"name": "a", "request": "r"}, {"name": "a", "request": "r"}, {"name": ""}, {"name": "b"}]
    found = said(resourceClaims=claims, containers=[container(resources={"claims": used})])
    shown = '{"Name":"a","ResourceClaimName":"x","ResourceClaimTemplateName":"y"}'
    assert found == [
        'resourceClaims[1].name: Duplicate value: "a"',
        f"resourceClaims[1]: Invalid value: {shown}: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
        'containers[0].resources.claims[1]: Duplicate value: "a/r"',
        "containers[0].resources.claims[2]: Required value",
        'containers[0].resources.claims[3]: Not found: "b": must be one of the names in pod.spec.resourceClaims: a',
    ]


def test_a_pods_own_resources_hold_those_of_its_containers() -> None:
    sidecar = container(name="s", restartPolicy="Always", resources={"requests": {"cpu": "500m"}})
    main = container(resources={"requests": {"cpu": "1"}, "limits": {"cpu": "3"}})
    found = said(containers=[main], initContainers=[sidecar], resources={"requests": {"cpu": "1"}, "limits": {"cpu": "2"}})
    assert found == [
        'resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 1500m',
        'resources.containers[0][cpu].limits: Invalid value: "3": must be less than or equal to pod limits of 2',
    ]
    assert said(resources={"limits": {"ephemeral-storage": "1"}}) == [
        'resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"'
    ]


def test_resize_policies_name_each_resource_once() -> None:
    policies = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}, {"resourceName": "cpu", "restartPolicy": "NotRequired"}]
    assert of_container(resizePolicy=policies) == ['resizePolicy[1]: Duplicate value: "cpu"']
    assert said(restartPolicy="Never", containers=[container(resizePolicy=policies[:1])]) == [
        "containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'"
    ]


def test_ephemeral_containers_come_later_and_only_look() -> None:
    debugger = container(name="d", targetContainerName="x", ports=[{"containerPort": 80}])
    assert of_pod(ephemeralContainers=[debugger]) == [
        'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
        "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
        "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ]
    assert said(ephemeralContainers=[container(name="d")]) == [
        "ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"
    ]


def test_an_ephemeral_containers_name_is_there_once() -> None:
    found = of_pod(ephemeralContainers=[container(name="d"), container(name="d")])
    assert found[0] == 'spec.ephemeralContainers[1].name: Duplicate value: "d"'
    assert 'spec.ephemeralContainers[0].name: Duplicate value: "c"' in of_pod(ephemeralContainers=[container()])
