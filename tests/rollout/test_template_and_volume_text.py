"""A pod template as text, as kubectl describes it."""

from __future__ import annotations

from typing import Any

from wherry.rollout.template_text import describe, resource_value


def containers(**container: Any) -> str:
    return describe({"metadata": {}, "spec": {"containers": [{"name": "c", "image": "i", **container}]}})


def test_a_small_template() -> None:
    text = describe({"metadata": {"labels": {"b": "2", "a": "1"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}})
    assert text == (
        "Pod Template:\n  Labels:\ta=1\n\tb=2\n  Containers:\n   c:\n    Image:\tnginx:1\n    Port:\t<none>\n    Host Port:\t<none>\n"
        "    Environment:\t<none>\n    Mounts:\t<none>\n  Volumes:\t<none>\n  Node-Selectors:\t<none>\n  Tolerations:\t<none>\n")


def test_ports_commands_and_resources() -> None:
    text = containers(
        ports=[{"containerPort": 80, "name": "web", "protocol": "TCP"}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP"}],
        command=["sh", "-c"], args=["one\ntwo"], resources={"limits": {"memory": "1024Mi", "cpu": "0.5"}, "requests": {"cpu": "100m"}})
    assert "    Ports:\t80/TCP (web), 53/UDP\n    Host Ports:\t0/TCP (web), 53/UDP\n" in text
    assert "    Command:\n      sh\n      -c\n    Args:\n      one\n      two\n" in text
    assert "    Limits:\n      cpu:\t500m\n      memory:\t1Gi\n    Requests:\n      cpu:\t100m\n" in text


def test_environment_variables_from_everywhere() -> None:
    text = containers(
        resources={"limits": {"cpu": "1500m"}},
        envFrom=[{"configMapRef": {"name": "cm"}}, {"secretRef": {"name": "s", "optional": True}, "prefix": "P_"}],
        env=[{"name": "A", "value": "x\ny"}, {"name": "B", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
             {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
             {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
             {"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
             {"name": "F", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k", "optional": True}}}])
    assert ("    Environment Variables from:\n      cm\tConfigMap\tOptional: false\n"
            "      s\tSecret with prefix 'P_'\tOptional: true\n") in text
    assert ("      A:\tx\n      \ty\n      B:\t (v1:status.podIP)\n      C:\t2 (limits.cpu)\n"
            "      D:\tnode allocatable (limits.memory)\n") in text
    assert "      E:\t<set to the key 'k' in secret 's'>\tOptional: false\n" in text
    assert "      F:\t<set to the key 'k' of config map 'cm'>\tOptional: true\n" in text


def test_probes_and_mounts() -> None:
    text = containers(
        livenessProbe={"httpGet": {"path": "/x", "port": "web", "scheme": "HTTP"}, "periodSeconds": 10},
        readinessProbe={"exec": {"command": ["cat", "/f"]}}, startupProbe={"grpc": {"port": 9}},
        volumeMounts=[{"mountPath": "/z", "name": "b"}, {"mountPath": "/a", "name": "a", "readOnly": True, "subPath": "s"}])
    assert "    Liveness:\thttp-get http://:web/x delay=0s timeout=0s period=10s #success=0 #failure=0\n" in text
    assert "    Readiness:\texec [cat /f] delay=0s" in text
    assert "    Startup:\tgrpc <pod>:9  delay=0s" in text
    assert '    Mounts:\n      /a from a (ro,path="s")\n      /z from b (rw)\n' in text


def test_annotations_long_and_short() -> None:
    text = describe({"metadata": {"annotations": {"b": "two\nlines", "a": "1", "kubectl.kubernetes.io/last-applied-configuration": "x"}},
                     "spec": {"containers": []}})
    assert "  Annotations:\ta: 1\n\tb:\n\t  two\n\t  lines\n" in text


def test_volumes() -> None:
    text = describe({"metadata": {}, "spec": {"containers": [], "volumes": [
        {"name": "a", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "b", "configMap": {"name": "cm"}},
        {"name": "c", "hostPath": {"path": "/p", "type": "Directory"}}, {"name": "d", "persistentVolumeClaim": {"claimName": "x"}},
        {"name": "e", "projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 60}}, {"secret": {"name": "s"}}]}}]}})
    assert "  Containers: <none>\n  Volumes:\n   a:\n    Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)\n" in text
    assert "    Medium:\t\n    SizeLimit:\t1Gi\n" in text
    assert "    Type:\tConfigMap (a volume populated by a ConfigMap)\n    Name:\tcm\n    Optional:\tfalse\n" in text
    assert "    Path:\t/p\n    HostPathType:\tDirectory\n" in text
    assert "    ClaimName:\tx\n    ReadOnly:\tfalse\n" in text
    assert "    TokenExpirationSeconds:\t60\n    SecretName:\ts\n    Optional:\tfalse\n" in text


def test_tolerations_spread_and_selectors() -> None:
    text = describe({"metadata": {},
                     "spec": {"containers": [], "nodeSelector": {"disk": "ssd"}, "priorityClassName": "high", "tolerations": [
        {"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5},
        {"key": "z", "operator": "Exists"}],
        "topologySpreadConstraints": [{"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1,
                                       "labelSelector": {"matchLabels": {"app": "x"}}}]}})
    assert "  Topology Spread Constraints:\tzone:DoNotSchedule when max skew 1 is exceeded for selector app=x\n" in text
    assert "  Priority Class Name:\thigh\n  Node-Selectors:\tdisk=ssd\n" in text
    assert "  Tolerations:\top=Exists\n\ta=b:NoExecute for 5s\n\tz op=Exists\n" in text


def test_resource_values_are_in_units_of_the_divisor() -> None:
    container = {"resources": {"limits": {"memory": "1500Mi"}}}
    assert resource_value({"resource": "limits.memory", "divisor": "1Gi"}, container) == "2"
    assert resource_value({"resource": "nonsense"}, container) == ""
