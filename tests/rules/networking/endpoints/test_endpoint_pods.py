"""Which Services a change of a pod concerns, and since when."""

from __future__ import annotations

import pytest

from tests.rules.networking.endpoints.samples import pod, service
from wherry.api.objects import Obj, name
from wherry.rules.networking.endpoints import pods as endpoint_pods

WEB, OTHER, NONE = service(), service("other", selector={"app": "other"}), service("none", selector=None)


def concerned(old: Obj | None, new: Obj | None) -> list[str]:
    return [name(s) for s in endpoint_pods.affected([WEB, OTHER, NONE], old, new)]


def relabelled(each: Obj, app: str) -> Obj:
    return {**each, "metadata": {**each["metadata"], "labels": {"app": app}}}


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (None, pod(1), ["web"]),
        (pod(1), None, ["web"]),
        (pod(1), pod(1), []),
        (pod(1), pod(1, ready=False), ["web"]),
        (pod(1), pod(1, terminating=True), ["web"]),
        (pod(1, ips=[]), pod(1), ["web"]),
        (pod(1), pod(1, hostname="h", subdomain="web"), []),
        (pod(1), relabelled(pod(1), "other"), ["web", "other"]),
        (pod(1), relabelled(pod(1, ready=False), "other"), ["web", "other"]),
    ],
)
def test_a_pod_concerns_the_services_that_select_or_selected_it(old: Obj | None, new: Obj | None, names: list[str]) -> None:
    assert concerned(old, new) == names


def test_a_service_not_known_yet_changed_when_it_was_created() -> None:
    moment, known = endpoint_pods.trigger_time(None, WEB, [pod(1)])
    assert moment == "2025-06-01T00:00:00Z"
    assert endpoint_pods.trigger_time(known, WEB, [pod(1)])[0] == ""


def test_the_oldest_of_the_changes_since_the_last_time_counts() -> None:
    _, known = endpoint_pods.trigger_time(None, WEB, [pod(1), pod(2), pod(3)])
    now = [pod(1, since="2025-06-01T00:09:00Z"), pod(2, since="2025-06-01T00:08:00Z"), pod(3)]
    assert endpoint_pods.trigger_time(known, WEB, now)[0] == "2025-06-01T00:08:00Z"


def test_services_without_selector_or_of_type_external_name_are_left_to_others() -> None:
    assert [endpoint_pods.is_selecting(s) for s in (WEB, NONE, service(type="ExternalName"))] == [True, False, False]
