"""Rules of volumes and claims, node features, quotas and certificates that only their own kinds have."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.rules.kinds import STRATEGIES

VOLUME, CLAIM, NODE, QUOTA = (STRATEGIES[kind] for kind in ("PersistentVolume", "PersistentVolumeClaim", "Node", "ResourceQuota"))
ATTACHMENT = STRATEGIES["VolumeAttachment.storage.k8s.io"]
REQUEST = STRATEGIES["CertificateSigningRequest.certificates.k8s.io"]


def found(errors: list[Any]) -> list[tuple[str, str]]:
    return [(e.field, e.message) for e in errors]


def volume(**spec: Any) -> Obj:
    given = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}, **spec}
    obj: Obj = {"metadata": {"name": "v"}, "spec": {k: v for k, v in given.items() if v is not None}}
    VOLUME.default(obj)
    return obj


def claim(status: Obj | None = None, **spec: Any) -> Obj:
    given = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    obj: Obj = {"metadata": {"name": "c", "namespace": "n"}, "spec": given, "status": status or {}}
    CLAIM.default(obj)
    return obj


def test_secrets_of_a_csi_volume_have_names_and_namespaces() -> None:
    csi = {"driver": "d", "volumeHandle": "h", "controllerPublishSecretRef": {}, "nodePublishSecretRef": {"name": "a", "namespace": "b"}}
    assert found(VOLUME.validate(volume(hostPath=None, csi=csi))) == [
        ("spec.csi.controllerPublishSecretRef.name", "Required value"),
        ("spec.csi.controllerPublishSecretRef.namespace", "Required value"),
    ]


def test_every_kind_of_source_is_looked_at() -> None:
    assert [e.field for e in VOLUME.validate(volume(hostPath=None, rbd={}))] == ["spec.rbd.monitors", "spec.rbd.image"]
    assert [e.field for e in VOLUME.validate(volume(hostPath=None, gcePersistentDisk={}))] == ["spec.persistentDisk.pdName"]
    iscsi = {"targetPortal": "p" * 64, "iqn": "x", "initiatorName": "y"}
    assert found(VOLUME.validate(volume(hostPath=None, iscsi=iscsi)))[1:] == [
        ("spec.iscsi.iqn", 'Invalid value: "x": must be valid format'),
        ("spec.iscsi.initiatorname", 'Invalid value: "y": must be valid format'),
    ]


def test_where_a_volume_is_does_not_change_and_the_message_shows_what_did() -> None:
    [(path, text)] = found(VOLUME.validate_update(volume(hostPath={"path": "/y"}), volume()))
    assert path == "spec.persistentvolumesource"
    assert '\n-  "Path": "/x",\n+  "Path": "/y",\n' in text


def test_a_claim_does_not_change_and_the_message_shows_what_did() -> None:
    [(path, text)] = found(CLAIM.validate_update(claim(accessModes=["ReadWriteMany"]), claim()))
    assert path == "spec"
    assert text.startswith(
        "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
        "@@ -1,6 +1,6 @@\n"
    )
    assert '\n-  "ReadWriteOnce"\n+  "ReadWriteMany"\n' in text


def test_a_bound_claim_grows_and_one_without_class_gets_one() -> None:
    bound = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    assert CLAIM.validate_update(claim(bound, resources={"requests": {"storage": "2Gi"}}), claim(bound)) == []
    assert CLAIM.validate_update(claim(storageClassName="a", volumeName="v"), claim()) == []
    assert [e.field for e in CLAIM.validate_update(claim(storageClassName="b"), claim(storageClassName="a"))] == ["spec"]


def test_an_inline_volume_is_a_drivers_and_says_hardly_more() -> None:
    inline = {"capacity": {"storage": "1"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}, "storageClassName": "s"}
    obj = {"metadata": {"name": "a"}, "spec": {"attacher": "d", "nodeName": "n", "source": {"inlineVolumeSpec": inline}}}
    assert [e.field.removeprefix("spec.source.inlineVolumeSpec.") for e in ATTACHMENT.validate(obj)] == [
        "capacity",
        "csi",
        "storageClassName",
    ]


def test_features_that_a_node_declares_are_in_order() -> None:
    node: Obj = {"metadata": {"name": "n"}, "status": {"declaredFeatures": ["B", "A/x", "a", "C", "C"]}}
    assert [(e.field, e.reason) for e in NODE.validate(node)] == [
        ("status.declaredFeatures[1]", "FieldValueInvalid"),
        ("status.declaredFeatures[2]", "FieldValueInvalid"),
        ("status.declaredFeatures[3]", "FieldValueInvalid"),
        ("status.declaredFeatures[4]", "FieldValueDuplicate"),
    ]


def test_the_selector_of_a_quota_is_shown_with_the_names_of_the_reference() -> None:
    selector = {"matchExpressions": [{"scopeName": "BestEffort", "operator": "Exists"}]}
    obj = {"metadata": {"name": "q"}, "spec": {"hard": {"cpu": "1"}, "scopeSelector": selector}}
    shown = '{"MatchExpressions":[{"ScopeName":"BestEffort","Operator":"Exists","Values":null}]}'
    assert found(QUOTA.validate(obj)) == [
        ("spec.scopeSelector.matchExpressions", f"Invalid value: {shown}: unsupported scope applied to resource")
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "must contain at least one CERTIFICATE PEM block"),
        ("-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n", 'only CERTIFICATE PEM blocks are allowed, found "KEY"'),
        ("-----BEGIN CERTIFICATE-----\nA: b\n\nAAAA\n-----END CERTIFICATE-----\n", "no PEM block headers are permitted"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x509: malformed certificate"),
    ],
)
def test_what_is_signed_is_a_certificate(text: str, why: str) -> None:
    pem = base64.b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\nAA\n-----END CERTIFICATE REQUEST-----\n").decode()
    old: Obj = {"metadata": {"name": "r"}, "spec": {"request": pem, "signerName": "a.b/c", "usages": ["client auth"]}, "status": {}}
    new = copy.deepcopy(old) | {"status": {"certificate": base64.b64encode(text.encode()).decode()}}
    assert found(REQUEST.validate_status(new, old)) == [("status.certificate", f'Invalid value: "<certificate data>": {why}')]


def test_the_levels_that_every_server_makes_stay_as_it_makes_them() -> None:
    level = STRATEGIES["PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io"]
    exempt: Obj = {
        "metadata": {"name": "exempt"},
        "spec": {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 9, "lendablePercent": 5}},
    }
    assert level.validate(exempt) == []
    response = {"type": "Reject"}
    limited = {"nominalConcurrencyShares": 6, "lendablePercent": 0, "limitResponse": response}
    [(path, text)] = found(level.validate({"metadata": {"name": "catch-all"}, "spec": {"type": "Limited", "limited": limited}}))
    assert path == "spec"
    assert text.endswith(": spec of 'catch-all' must equal the fixed value")
