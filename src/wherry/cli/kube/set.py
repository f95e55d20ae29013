"""`set`: the group of commands that change one part of a pod template."""

from __future__ import annotations

from wherry.cli.kube.command import KubeGroup

_HERE = "wherry.cli.kube."

set_ = KubeGroup("set", {
    "env": (_HERE + "set_env", "env", "Update environment variables on a pod template"),
    "image": (_HERE + "set_image", "image", "Update the image of a pod template"),
    "resources": (_HERE + "set_resources", "resources", "Update resource requests/limits on objects with pod templates"),
    "serviceaccount": (_HERE + "set_serviceaccount", "serviceaccount", "Update the service account of a resource"),
}, summary="Change one part of objects that are there: images, environment variables, resources, the service account.")
