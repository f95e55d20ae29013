"""Where and how a pod runs: affinity, spreading, tolerations, DNS, names, gates, deadlines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.schema.validation.pods.pod_specs import container, of_pod, said
from wherry.rules.schema.validation.pods.pod import validate_template

LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
REQUIRED, PREFERRED = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"


@pytest.mark.parametrize(
    ("toleration", "error"),
    [
        ({"operator": "Equal"}, '.operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all '
                                'values and all keys"'),
        ({"key": "a", "operator": "Exists", "value": "b"},
         ".operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'"),
        ({"key": "a", "operator": "Near"}, '.operator: Unsupported value: "Near": supported values: "Equal", "Exists"'),
        ({"key": "a", "operator": "Gt"}, '.operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"'),
        ({"key": "a", "effect": "Never"}, '.effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", '
                                          '"NoExecute"'),
        ({"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1},
         ".effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set"),
    ],
)  # fmt: skip
def test_a_toleration(toleration: dict[str, Any], error: str) -> None:
    assert said(tolerations=[toleration]) == [f"tolerations[0]{error}"]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("restartPolicy", "Nosuch", 'Unsupported value: "Nosuch": supported values: "Always", "OnFailure", "Never"'),
        ("dnsPolicy", "Mine", 'Unsupported value: "Mine": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'),
        ("preemptionPolicy", "Some", 'Unsupported value: "Some": supported values: "PreemptLowerPriority", "Never"'),
        ("activeDeadlineSeconds", 0, "Invalid value: 0: must be between 1 and 2147483647, inclusive"),
        ("hostname", "A", f'Invalid value: "A": {LABEL_TEXT}'),
        ("subdomain", "a.b", 'Invalid value: "a.b": must not contain dots'),
    ],
)
def test_a_plain_field(field: str, value: Any, error: str) -> None:
    assert said(**{field: value}) == [f"{field}: {error}"]


def test_names_are_names() -> None:
    fields = ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName")
    assert [text.split(":")[0] for text in said(**dict.fromkeys(fields, "Bad_Name"))] == list(fields)


def test_a_grace_period_is_there() -> None:
    spec = {"containers": [], "restartPolicy": "Always", "dnsPolicy": "Default"}
    found = [(e.field, e.message) for e in validate_template({"spec": spec}, "t")]
    assert found == [("t.spec.terminationGracePeriodSeconds", "Required value"), ("t.spec.containers", "Required value")]


def test_a_pod_without_dns_says_its_servers() -> None:
    assert said(dnsPolicy="None") == ["dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]
    config = {"nameservers": ["1.2.3.4", "010.0.0.1", "x"], "searches": [".", "_a.example.com.", "a b"], "options": [{"value": "1"}]}
    texts = [text.partition(" (e.g.")[0] for text in said(dnsPolicy="None", dnsConfig=config)]
    assert texts == [
        'dnsConfig.nameservers[1]: Invalid value: "010.0.0.1": must not have leading 0s',
        'dnsConfig.nameservers[2]: Invalid value: "x": must be a valid IP address,',
        "dnsConfig.searches[2]: Invalid value: \"a b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
        "'_', '-' or '.', and must start and end with an alphanumeric character",
        "dnsConfig.options[0]: Required value: must not be empty",
    ]


def test_host_aliases_have_addresses() -> None:
    assert said(hostAliases=[{"ip": "::ffff:1.2.3.4", "hostnames": ["a"]}]) == [
        'hostAliases[0].ip: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address'
    ]


def test_gates_are_there_once_and_keep_the_pod_from_a_node() -> None:
    gates = [{"name": "a.io/b"}, {"name": "a.io/b"}]
    assert said(schedulingGates=gates) == ['schedulingGates[1]: Duplicate value: "a.io/b"']
    assert of_pod(schedulingGates=gates[:1], nodeName="n") == [
        "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"
    ]
    assert said(readinessGates=[{"conditionType": "a/b/c"}])[0].startswith("readinessGates[0].conditionType: Invalid value")


def test_a_node_selector_is_of_labels() -> None:
    assert said(nodeSelector={"disk": "ssd"}) == []
    assert said(nodeSelector={"disk": "-"})[0].startswith('nodeSelector: Invalid value: "-": a valid label must be')


def test_node_affinity_is_strict_only_where_it_is_required() -> None:
    term = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]}
    needed = said(affinity={"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}})
    assert [text.split(":")[0] for text in needed] == [
        f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].values[0]"
    ]
    assert said(affinity={"nodeAffinity": {PREFERRED: [{"weight": 1, "preference": term}]}}) == []
    bad = {"matchExpressions": [{"key": "a", "operator": "Is"}]}
    at = f"affinity.nodeAffinity.{PREFERRED}[0]"
    assert said(affinity={"nodeAffinity": {PREFERRED: [{"weight": 101, "preference": bad}]}}) == [
        f"{at}.weight: Invalid value: 101: must be in the range 1-100",
        f'{at}.preference.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
    ]


def test_pod_affinity_needs_a_topology() -> None:
    at = f"affinity.podAntiAffinity.{REQUIRED}[0]"
    found = said(affinity={"podAntiAffinity": {REQUIRED: [{"labelSelector": {}, "namespaces": ["A"]}]}})
    assert [text[:90] for text in found] == [text[:90] for text in (
        f'{at}.namespace: Invalid value: "A": {LABEL_TEXT}',
        f"{at}.topologyKey: Required value: can not be empty",
        f'{at}.topologyKey: Invalid value: "": name part must be non-empty',
        f'{at}.topologyKey: Invalid value: "": name part must consist of',
    )]  # fmt: skip


def test_keys_of_labels_need_a_selector() -> None:
    at = f"affinity.podAffinity.{REQUIRED}[0]"
    term = {"topologyKey": "zone", "matchLabelKeys": ["a"], "mismatchLabelKeys": ["a"]}
    assert said(affinity={"podAffinity": {REQUIRED: [term]}}) == [
        f"{at}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
        f"{at}.mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
        f'{at}.matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys',
    ]
    own = {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}
    found = said(affinity={"podAffinity": {REQUIRED: [{"topologyKey": "zone", "matchLabelKeys": ["a"], "labelSelector": own}]}})
    assert found == [f'{at}[0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector']


def test_spread_constraints() -> None:
    good = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    at = "topologySpreadConstraints[0]"
    assert said(topologySpreadConstraints=[good]) == []
    assert said(topologySpreadConstraints=[good, good]) == [
        f'{at}.{{topologyKey, whenUnsatisfiable}}: Duplicate value: "{{zone, DoNotSchedule}}"'
    ]
    bad = {"maxSkew": 0, "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2, "nodeTaintsPolicy": "Maybe"}
    assert said(topologySpreadConstraints=[bad]) == [
        f"{at}.maxSkew: Invalid value: 0: must be greater than zero",
        f"{at}.topologyKey: Required value: can not be empty",
        f"{at}.minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
        f'{at}.nodeTaintsPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"',
    ]


def test_an_overridden_hostname_is_the_only_one() -> None:
    assert said(hostnameOverride="my.host") == []
    assert said(hostnameOverride="h", setHostnameAsFQDN=True, hostNetwork=True) == [
        "hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
        "hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
    ]


def test_overhead_is_of_resources() -> None:
    assert said(overhead={"cpu": "1"}) == []
    assert said(overhead={"nosuch": "1"})[0].startswith('overhead.limits[nosuch]: Invalid value: "nosuch"')


def test_resource_claims_have_one_source() -> None:
    shown = '{"Name":"a","ResourceClaimName":null,"ResourceClaimTemplateName":null}'
    assert said(resourceClaims=[{"name": "a"}]) == [
        f"resourceClaims[0]: Invalid value: {shown}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
    ]
    user = container(resources={"claims": [{"name": "a", "request": "r"}, {"name": "a"}]})
    assert said(resourceClaims=[{"name": "a", "resourceClaimName": "c"}], containers=[user]) == [
        'containers[0].resources.claims[1]: Duplicate value: "a"'
    ]


def test_a_template_that_stays_is_not_looked_at_again() -> None:
    bad = {"spec": {"containers": []}}
    assert validate_template(bad, "t", {"spec": {"containers": []}}) == []
    assert validate_template(bad, "t", {"spec": {}}) != []
