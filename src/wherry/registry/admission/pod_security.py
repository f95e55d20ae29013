"""PodSecurity: the labels of a namespace say what its pods may do; workloads whose pods would be refused get a warning.

Nobody is exempt. A namespace without such labels costs one look-up.
Source: k8s.io/pod-security-admission/admission, plugin/pkg/admission/security/podsecurity. Rules: `wherry.rules.admission.pod_security`.
"""

from __future__ import annotations

from functools import partial

from wherry.api import errors
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request
from wherry.rules.admission import pod_security as rule
from wherry.store.protocol import Store

#: subresources of pods that do not change what runs
_IGNORED = frozenset({"exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"})
_AUDIT = "pod-security.kubernetes.io/"
_Known = tuple[rule.Policy, Errors]


class PodSecurity:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        if operation not in ("CREATE", "UPDATE"):
            return False
        if resource.group_resource == "pods":
            return subresource not in _IGNORED
        return not subresource and (resource.group_resource == "namespaces" or resource.group_resource in rule.WORKLOADS)

    async def validate(self, request: Request) -> None:
        """Raises Forbidden for a pod, Invalid for a namespace's labels."""
        match request.resource.group_resource:
            case "namespaces":
                await self._namespace(request)
            case "pods":
                await self._pod(request)
            case _:
                await self._workload(request)

    async def _policy(self, namespace: str) -> _Known:
        record = await self._store.get(f"namespaces/{namespace}")
        if record is None:
            return rule.FULLY_PRIVILEGED, []
        if record.cache is None:
            record.cache = {}
        known: _Known | None = record.cache.get("pod-security")
        if known is None:
            known = record.cache["pod-security"] = rule.policy_of(record.object()["metadata"].get("labels") or {})
        return known

    async def _pod(self, request: Request) -> None:
        policy, wrong = await self._policy(request.namespace)
        if policy.allows_all and not wrong:
            request.audit[f"{_AUDIT}enforce-policy"] = str(rule.PRIVILEGED)
            return
        pod = request.draft
        if request.operation == "UPDATE" and request.old is not None and not rule.is_significant(pod, request.old):
            return
        request.audit[f"{_AUDIT}enforce-policy"] = str(policy.enforce)
        found = await request.compute(partial(rule.violations, policy.enforce, pod["metadata"], pod["spec"]))
        await request.compute(partial(_tell, request, policy, wrong, pod, warn=not found))
        if found:
            raise request.forbidden(f'violates PodSecurity "{policy.enforce}": {rule.detailed(found)}')

    async def _workload(self, request: Request) -> None:
        policy, wrong = await self._policy(request.namespace)
        if policy.warn.level == policy.audit.level == "privileged" and not wrong:
            return
        template = rule.template_of(request.resource.group_resource, request.draft)
        if template is not None:
            await request.compute(partial(_tell, request, policy, wrong, template, warn=True))

    async def _namespace(self, request: Request) -> None:
        meta = request.draft["metadata"]
        policy, wrong = rule.policy_of(meta.get("labels") or {})
        old: rule.Policy | None = None
        if request.operation == "UPDATE" and request.old is not None:
            old, old_wrong = rule.policy_of(request.old["metadata"].get("labels") or {})
            wrong = [] if wrong == old_wrong else wrong
        if wrong:
            raise errors.invalid("Namespace", meta.get("name", ""), wrong)
        if old is None or policy.enforce == old.enforce or policy.enforce.level == "privileged":
            return
        if policy.enforce.minor != old.enforce.minor or rule.stricter(policy.enforce, old.enforce):
            request.warnings += await self._existing(request.name, policy.enforce)

    async def _existing(self, namespace: str, policy: rule.LevelVersion) -> list[str]:
        """About the pods that run there already."""
        records = (await self._store.range(f"pods/{namespace}/")).records
        pods = rule.prioritized(record.object() for record in records)
        checked = [
            rule.PodViolations(pod["metadata"]["name"], rule.reasons(rule.violations(policy, pod["metadata"], pod["spec"])))
            for pod in pods[: rule.MOST]
        ]
        return rule.pod_warnings(namespace, str(policy), checked, len(pods))


def _tell(request: Request, policy: rule.Policy, wrong: Errors, pod: Obj, *, warn: bool) -> None:
    """The audit annotations and the warning."""
    meta, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    if wrong:
        texts = ", ".join(f"{cause.field}: {cause.message}" for cause in wrong)
        request.audit[f"{_AUDIT}error"] = f"Failed to parse policy: {texts if len(wrong) == 1 else f'[{texts}]'}"
    if found := rule.violations(policy.audit, meta, spec):
        request.audit[f"{_AUDIT}audit-violations"] = f'would violate PodSecurity "{policy.audit}": {rule.detailed(found)}'
    if warn and (found := rule.violations(policy.warn, meta, spec)):
        request.warnings.append(f'would violate PodSecurity "{policy.warn}": {rule.detailed(found)}')
