"""Whether a container may run as the user that it would get: `runAsNonRoot`.

Called by the node when it knows the container's image. A problem is the message of CreateContainerConfigError, in the reference's words.
Source of the rule: pkg/kubelet/kuberuntime/security_context_others.go verifyRunAsNonRoot; https://kubernetes.io/docs/tasks/configure-pod-container/security-context/.
"""

from __future__ import annotations

from wherry.api.objects import Obj, name, namespace, uid


def setting_of(pod_spec: Obj, container: Obj, field: str) -> object:
    """What the container's security context says, or else the pod's."""
    for context in (container.get("securityContext"), pod_spec.get("securityContext")):
        if context is not None and context.get(field) is not None:
            return context[field]
    return None


def non_root_problem(pod: Obj, container: Obj, image_user: str | None) -> str:
    """`image_user`: a name or number, "" when the image names none (root), None when it is not known."""
    spec = pod["spec"]
    if ("securityContext" not in container and "securityContext" not in spec) or not setting_of(spec, container, "runAsNonRoot"):
        return ""
    where = f'(pod: "{name(pod)}_{namespace(pod)}({uid(pod)})", container: {container["name"]})'
    user = setting_of(spec, container, "runAsUser")
    if user is not None:
        return f"container's runAsUser breaks non-root policy {where}" if user == 0 else ""
    if image_user is None:
        return ""
    image_user = image_user.partition(":")[0]
    if image_user and not image_user.isdigit():
        return f"container has runAsNonRoot and image has non-numeric user ({image_user}), cannot verify user is non-root {where}"
    return f"container has runAsNonRoot and image will run as root {where}" if int(image_user or 0) == 0 else ""
