"""Volumes: one source each, and what each source needs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.schema.validation.pods.pod_specs import of_pod, said


def volume(**source: Any) -> list[str]:
    return [text.removeprefix("volumes[0].") for text in said(volumes=[{"name": "v", **source}])]


def test_a_volume_has_one_source_and_a_name_of_its_own() -> None:
    assert volume() == []  # an empty directory by default
    assert volume(secret={"secretName": "s"}, hostPath={"path": "/x"}) == ["secret: Forbidden: may not specify more than 1 volume type"]
    twice = [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]
    assert said(volumes=twice) == ['volumes[1].name: Duplicate value: "v"']


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        ({"emptyDir": {"sizeLimit": "-1"}}, ["emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"]),
        ({"hostPath": {}}, ["hostPath.path: Required value"]),
        ({"hostPath": {"path": "/a/../b", "type": "Pipe"}}, [
            "hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
            'hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", '
            '"DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
        ]),
        ({"secret": {}}, ["secret.secretName: Required value"]),
        ({"configMap": {"name": "m", "defaultMode": 512}},
         ["configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive"]),
        ({"configMap": {"name": "m", "items": [{"key": "k", "path": "..a"}]}},
         ["configMap.items[0].path: Invalid value: \"..a\": must not start with '..'"]),
        ({"downwardAPI": {"items": [{"path": "a"}]}}, ["downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"]),
        ({"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}},
         ["downwardAPI.resourceFieldRef.containerName: Required value"]),
        ({"persistentVolumeClaim": {}}, ["persistentVolumeClaim.claimName: Required value"]),
        ({"nfs": {"server": "s", "path": "x"}}, ['nfs.path: Invalid value: "x": must be an absolute path']),
        ({"csi": {"driver": "a_b"}}, [
            'csi.driver: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \'-\' '
            "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ]),
        ({"iscsi": {"targetPortal": "t", "iqn": "abc", "lun": 300}}, [
            'iscsi.iqn: Invalid value: "abc": must be valid format starting with iqn, eui, or naa',
            "iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive",
        ]),
        ({"fc": {"targetWWNs": ["a"]}}, ["fc.lun: Required value: lun is required if targetWWNs is specified"]),
        ({"ephemeral": {}}, ["ephemeral.volumeClaimTemplate: Required value"]),
        ({"ephemeral": {"volumeClaimTemplate": {"metadata": {"name": "x"}, "spec": {"accessModes": ["ReadWriteOnce"]}}}}, [
            "ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
            "ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
        ]),
        ({"image": {"reference": "r", "pullPolicy": "Often"}},
         ['image.pullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"']),
        ({"flexVolume": {"driver": "d", "options": {"x.k8s.io/a": "b"}}},
         ['flexVolume.options[x.k8s.io/a]: Invalid value: "x.k8s.io/a": kubernetes.io and k8s.io namespaces are reserved']),
        ({"gcePersistentDisk": {}}, ["persistentDisk.pdName: Required value"]),
        ({"azureDisk": {"diskName": "d", "diskURI": "x", "kind": "Managed"}},
         ['azureDisk.diskURI: Unsupported value: "x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/'
          'microsoft.compute/disks/{disk-id}"']),
        ({"quobyte": {"registry": "a:1,b", "volume": "v"}},
         ['quobyte.registry: Invalid value: "a:1,b": must be a host:port pair or multiple pairs separated by commas']),
        ({"cephfs": {}}, ["cephfs.monitors: Required value"]),
        ({"iscsi": {"targetPortal": "p" * 63, "iqn": "iqn.2001-04.com.x:y", "initiatorName": "eui.1", "chapAuthSession": True}}, [
            "iscsi.secretRef: Required value",
            'iscsi.initiatorname: Invalid value: "eui.1": must be valid format',
            'name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if '
            "iscsi.initiatorName is specified.",
        ]),
        ({"fc": {}}, ["fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"]),
        ({"flocker": {"datasetName": "a/b", "datasetUUID": "u"}}, [
            'flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously',
            'flocker.datasetName: Invalid value: "a/b": must not contain \'/\'',
        ]),
        ({"cinder": {"volumeID": "v", "secretRef": {}}}, ["cinder.secretRef.name: Required value"]),
        ({"storageos": {"volumeName": "a.b"}}, ['storageos.volumeName: Invalid value: "a.b": must not contain dots']),
        ({"quobyte": {"registry": "[::1]:7", "tenant": "t" * 65, "volume": "v"}},
         ["quobyte.tenant: Required value: must be a UUID and may not exceed a length of 64 characters"]),
        ({"quobyte": {"registry": "[::1]:7,h:1", "volume": "v"}}, []),
        ({"csi": {"driver": "d", "nodePublishSecretRef": {}}}, ["csi.nodePublishSecretRef.name: Required value"]),
        ({"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.labels"}, "resourceFieldRef": {}}]}},
         ['downwardAPI: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously']),
        ({"gitRepo": {"repository": "r", "directory": "/x"}}, ['gitRepo.directory: Invalid value: "/x": must be a relative path']),
    ],
)  # fmt: skip
def test_a_source(source: dict[str, Any], errors: list[str]) -> None:
    assert volume(**source) == errors


def test_projected_files_have_paths_of_their_own() -> None:
    item = {"items": [{"key": "k", "path": "p"}]}
    sources = [{"secret": {"name": "s", **item}}, {"configMap": {"name": "m", **item}}]
    assert volume(projected={"sources": sources}) == ['projected: Invalid value: "m": conflicting duplicate paths']
    assert volume(projected={"sources": [{"secret": {"name": "s"}, "configMap": {"name": "m"}}]}) == [
        "projected.sources[0]: Forbidden: may not specify more than 1 volume type per source"
    ]


def test_a_token_lives_ten_minutes_at_least_and_needs_an_account() -> None:
    token = [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 599}}]}}]
    at = "volumes[0].projected.sources[0].serviceAccountToken"
    short = f"{at}.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"
    assert said(volumes=token) == [short]
    assert of_pod(volumes=token) == [
        f"spec.{short}", f"spec.{at}: Forbidden: must not be specified when serviceAccountName is not set"
    ]  # fmt: skip


def test_claims_of_ephemeral_volumes_are_named_after_the_pod() -> None:
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    volumes = [{"name": "v", "ephemeral": {"volumeClaimTemplate": template}}, {"name": "w", "persistentVolumeClaim": {"claimName": "p-v"}}]
    text = "must not reference a PVC that gets created for an ephemeral volume"
    assert of_pod(volumes=volumes) == [f'spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "p-v": {text}']
    assert said(volumes=volumes) == []


def test_an_image_may_be_left_open_in_a_template() -> None:
    assert volume(image={"pullPolicy": "Always"}) == []
    assert of_pod(volumes=[{"name": "v", "image": {"pullPolicy": "Always"}}]) == ["spec.volumes[0].image.reference: Required value"]
