"""The end of a namespace: estimates, conditions and what is deleted first."""

from __future__ import annotations

from tests.rules.networking.endpoints.manifests import EPOCH, config_map
from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.api.resources import TABLE, resource
from wherry.rules.objects import namespaces
from wherry.rules.objects.namespaces import Progress

PODS, MAPS, JOBS = resource("pods"), resource("configmaps"), resource("jobs", "batch")
NOW = timestamps.time(EPOCH)


def running(grace: int | None, phase: str = "Running") -> Obj:
    return {"spec": {} if grace is None else {"terminationGracePeriodSeconds": grace}, "status": {"phase": phase}}


def told(progress: Progress, **fields: bool) -> dict[str, tuple[str, str, str]]:
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in namespaces.conditions([], progress, EPOCH, **fields)}


def test_pods_are_deleted_before_all_else_and_views_not_at_all() -> None:
    found = namespaces.content(TABLE)
    assert found[0] is PODS
    assert resource("configmaps") in found
    assert resource("horizontalpodautoscalers", "autoscaling") not in found
    assert resource("nodes") not in found


def test_the_longest_grace_period_of_pods_that_run_is_the_estimate() -> None:
    pods = [running(30), running(80), running(500, "Succeeded"), running(None)]
    assert namespaces.pod_estimate(pods, NOW, EPOCH + 79) == 80


def test_after_the_grace_period_nothing_is_expected_any_more() -> None:
    assert namespaces.pod_estimate([running(30)], NOW, EPOCH + 30) == 0
    assert namespaces.pod_estimate([], NOW, EPOCH) == 0


def test_conditions_of_an_empty_namespace_say_that_all_is_well() -> None:
    assert told(Progress()) == {
        "NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered", "All resources successfully discovered"),
        "NamespaceDeletionGroupVersionParsingFailure": ("False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
        "NamespaceDeletionContentFailure": ("False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        "NamespaceContentRemaining": ("False", "ContentRemoved", "All content successfully removed"),
        "NamespaceFinalizersRemaining": ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
    }


def test_what_remains_is_named_with_its_finalizers() -> None:
    progress = Progress()
    progress.add("ns", MAPS, [config_map("a", finalizers=["x.io/b", "x.io/a"]), config_map("b", finalizers=["x.io/b"])], 0)
    progress.add("ns", JOBS, [config_map("c", finalizers=["x.io/b"])], 0)
    found = told(progress)
    assert found["NamespaceContentRemaining"] == (
        "True", "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 2 resource instances, jobs.batch has 1 resource instances")
    assert found["NamespaceFinalizersRemaining"] == (
        "True", "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: x.io/a in 1 resource instances, x.io/b in 3 resource instances")
    assert (progress.estimate, progress.errors) == (15, [])
    assert namespaces.look_again(progress.estimate) == 8


def test_what_remains_without_a_reason_is_an_error() -> None:
    progress = Progress()
    progress.add("ns", JOBS, [config_map("a")], 0)
    assert told(progress)["NamespaceDeletionContentFailure"] == (
        "True", "ContentDeletionFailed",
        "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: ns for gvr: batch/v1, Resource=jobs")


def test_while_pods_remain_the_totals_are_not_told() -> None:
    progress = Progress()
    progress.add("ns", PODS, [config_map("a")], 30)
    assert told(progress, pods_only=True)["NamespaceContentRemaining"][0] == "False"
    assert progress.estimate == 30


def test_a_condition_that_stays_keeps_its_time_and_one_that_turns_gets_a_new_one() -> None:
    progress = Progress()
    progress.add("ns", MAPS, [config_map("a", finalizers=["x.io/a"])], 0)
    first = namespaces.conditions([], progress, EPOCH)
    assert namespaces.conditions(first, progress, EPOCH + 60) == first
    later = {c["type"]: c for c in namespaces.conditions(first, Progress(), EPOCH + 60)}
    assert later["NamespaceContentRemaining"]["lastTransitionTime"] == timestamps.time(EPOCH + 60)
    assert later["NamespaceDeletionContentFailure"]["lastTransitionTime"] == NOW


def test_finalizing_takes_away_the_controllers_own_finalizer_only() -> None:
    assert namespaces.finalized({"spec": {"finalizers": ["z.io/other", "kubernetes"]}}) == {"spec": {"finalizers": ["z.io/other"]}}
