"""Rules of Jobs and CronJobs that the recordings do not show."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.rules.schema.validation.workloads.workload_writes import (
    NOW,
    UID,
    created,
    cron_job,
    job,
    stored,
    strategy,
    template,
    texts,
    updated,
    with_status,
)
from wherry.api.objects import Obj

INDEXED = {"completionMode": "Indexed", "completions": 3, "parallelism": 3}
RULES = "spec.podFailurePolicy.rules[0]"
CODES = {"operator": "In", "values": [1]}
DONE = [{"type": t, "status": "True"} for t in ("SuccessCriteriaMet", "Complete")]
LATER = "2026-01-02T04:04:05Z"


def failure(**rule: Any) -> Obj:
    return {"podFailurePolicy": {"rules": [{"action": "Count", **rule}]}}


def success(*rules: Obj) -> Obj:
    return {**INDEXED, "successPolicy": {"rules": list(rules)}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"parallelism": -1}, ["spec.parallelism: Invalid value: -1: must be greater than or equal to 0"]),
        ({"completionMode": "Indexed", "parallelism": 2}, ["spec.completions: Required value: when completion mode is Indexed"]),
        ({"completionMode": "Odd"}, ['spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"']),
        ({"backoffLimitPerIndex": 1}, ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"]),
        (
            {**INDEXED, "maxFailedIndexes": 5},
            [
                "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
                "spec.maxFailedIndexes: Invalid value: 5: must be less than or equal to completions",
            ],
        ),
        (
            {**INDEXED, "parallelism": 100001},
            ["spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"],
        ),
        (
            {"completionMode": "Indexed", "completions": 100001, "parallelism": 1, "backoffLimitPerIndex": 1},
            ["spec.maxFailedIndexes: Required value: must be specified when completions is above 100000"],
        ),
        ({"managedBy": "me"}, ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")']),
        (
            {"podReplacementPolicy": "No"},
            ['spec.podReplacementPolicy: Unsupported value: "No": supported values: "Failed", "TerminatingOrFailed"'],
        ),
        (
            {**failure(onExitCodes=CODES), "podReplacementPolicy": "TerminatingOrFailed"},
            ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
        ),
        (failure(), [f"{RULES}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"]),
        (
            failure(onExitCodes=CODES, action=""),
            [f'{RULES}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]'],
        ),
        (
            failure(onExitCodes=CODES, action="FailIndex"),
            [f'{RULES}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'],
        ),
        (
            failure(onExitCodes={"operator": "In", "values": [2, 0, 2], "containerName": "z"}),
            [
                f'{RULES}.onExitCodes.containerName: Invalid value: "z": must be one of the container or initContainer names '
                "in the pod template",
                f"{RULES}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
                f"{RULES}.onExitCodes.values[2]: Duplicate value: 2",
                f"{RULES}.onExitCodes.values: Invalid value: [2,0,2]: must be ordered",
            ],
        ),
        (success(), ["spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"]),
        (
            {"successPolicy": {"rules": [{"succeededCount": 1}]}},
            [
                'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: '
                "requires indexed completion mode"
            ],
        ),
        (
            success({"succeededIndexes": "0,2-1"}),
            [
                'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,2-1": error parsing succeededIndexes: '
                "non-increasing order, previous: 2, current: 1"
            ],
        ),
        (
            success({"succeededIndexes": "0-1", "succeededCount": 3}),
            [
                "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 "
                "(the number of indexes in the specified succeededIndexes field)"
            ],
        ),
        ({"template": template(restartPolicy="Often")}, None),
    ],
)
def test_a_bad_job_is_refused(spec: Obj, expected: list[str] | None) -> None:
    found = texts(created(job(**spec))[1])
    last = 'spec.template.spec.restartPolicy: Unsupported value: "Often": supported values: "OnFailure", "Never"'
    assert found == expected if expected is not None else found[-1] == last


def test_a_failure_policy_needs_pods_that_are_not_restarted() -> None:
    body = job(**failure(onExitCodes=CODES), template=template(restartPolicy="OnFailure"))
    expected = 'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'
    assert texts(created(body)[1]) == [expected]


def test_a_job_selects_its_pods_by_its_uid_and_shares_its_labels_with_them() -> None:
    draft, errors = created(job())
    generated = {"batch.kubernetes.io/controller-uid": UID, "batch.kubernetes.io/job-name": "x", "controller-uid": UID, "job-name": "x"}
    assert errors == []
    assert draft["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": UID}}
    assert draft["spec"]["template"]["metadata"]["labels"] == {"app": "a", **generated}
    assert draft["metadata"]["labels"] == {"app": "a", **generated}


def test_labels_of_its_own_keep_a_job_from_those_of_its_template() -> None:
    body = job()
    body["metadata"]["labels"] = {"app": "a"}
    assert created(body)[0]["metadata"]["labels"] == {"app": "a"}


def test_a_manual_selector_is_left_alone() -> None:
    draft, errors = created(job(manualSelector=True, selector={"matchLabels": {"app": "a"}}))
    assert errors == []
    assert draft["spec"]["template"]["metadata"]["labels"] == draft["metadata"]["labels"] == {"app": "a"}


def test_labels_that_contradict_the_generated_ones_are_refused() -> None:
    body = job()
    body["spec"]["template"]["metadata"]["labels"] = {"controller-uid": "other"}
    (error,) = texts(created(body)[1])
    assert error.startswith("spec.template.metadata.labels[controller-uid]: Invalid value: {")
    assert error.endswith(f"must be '{UID}'")


def test_the_name_of_an_indexed_job_leaves_room_for_the_index() -> None:
    body = job(**INDEXED)
    body["metadata"]["name"] = "n" * 62
    host = "n" * 62 + "-2"
    assert texts(created(body)[1])[-1].endswith(f"will not able to create pod with invalid DNS label: {host}")


def test_deleting_a_job_leaves_its_pods() -> None:
    assert strategy(job()).default_propagation == "Orphan"
    assert strategy(cron_job("@daily")).default_propagation == "Background"


def changed(old: Obj, **spec: Any) -> list[str]:
    body = copy.deepcopy(old)
    body["spec"] |= spec
    return texts(updated(old, body)[1])


def test_a_job_may_change_in_size_as_its_mode_allows() -> None:
    plain, indexed = stored(job(completions=2)), stored(job(**INDEXED))
    assert changed(plain, parallelism=7, suspend=True, ttlSecondsAfterFinished=5, activeDeadlineSeconds=3, backoffLimit=1) == []
    assert changed(plain, completions=3) == ["spec.completions: Invalid value: 3: field is immutable"]
    assert changed(indexed, completions=4) == ["spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism"]
    assert changed(indexed, completions=4, parallelism=4) == []


def test_policies_of_a_job_are_fixed() -> None:
    old = stored(job())
    rule = {"action": "Count", "onExitCodes": CODES}
    shown = '{"Rules":[{"Action":"Count","OnExitCodes":{"ContainerName":null,"Operator":"In","Values":[1]},"OnPodConditions":null}]}'
    expected = f"spec.podFailurePolicy: Invalid value: {shown}: field is immutable"
    assert changed(old, podFailurePolicy={"rules": [rule]}, podReplacementPolicy="Failed") == [expected]


def test_the_template_of_a_running_job_is_fixed() -> None:
    old = stored(job())
    pods = copy.deepcopy(old["spec"]["template"])
    pods["spec"]["containers"][0]["image"] = "other"
    (error,) = changed(old, template=pods)
    assert error.startswith('spec.template: Invalid value: {"labels":{"app":"a",')
    assert '"Spec":{"Volumes":null,"InitContainers":null,"Containers":[{"Name":"c","Image":"other",' in error
    assert error.endswith(": field is immutable")


def test_a_suspended_job_may_change_resources_and_places_of_its_pods() -> None:
    old = stored(job(suspend=True))
    pods = copy.deepcopy(old["spec"]["template"])
    pods["metadata"]["annotations"] = {"a": "b"}
    pods["spec"] |= {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}]}
    pods["spec"]["affinity"] = {"nodeAffinity": {}}
    pods["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    assert changed(old, template=pods) == []
    pods["spec"]["containers"][0]["image"] = "other"
    (error,) = changed(old, template=pods)
    assert error.startswith('spec.template.spec: Invalid value: {"Volumes":null')
    old["status"]["active"] = 1
    assert changed(old, template=pods)[0].startswith('spec.template: Invalid value: {"labels":')


@pytest.mark.parametrize(
    ("before", "status", "expected"),
    [
        ({}, {"startTime": NOW, "completionTime": LATER, "conditions": DONE, "succeeded": 1}, []),
        ({}, {"failed": -1}, None),
        (
            {},
            {"startTime": NOW, "completionTime": LATER, "conditions": DONE[1:]},
            ["status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition"],
        ),
        (
            {},
            {"startTime": NOW, "conditions": DONE},
            ["status.completionTime: Required value: completionTime is required for Complete jobs"],
        ),
        (
            {},
            {"startTime": NOW, "conditions": [{"type": "Failed", "status": "True"}]},
            ["status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition"],
        ),
        ({}, {"ready": 2, "active": 1}, ["status.ready: Invalid value: 2: cannot set more ready pods than active"]),
        ({"failed": 2}, {"failed": 1}, ["status.failed: Invalid value: 1: cannot decrease the failed counter"]),
        ({"succeeded": 2}, {"succeeded": 1}, ["status.succeeded: Invalid value: 1: cannot decrease the succeeded counter"]),
        (
            {"startTime": NOW},
            {"startTime": LATER},
            [f'status.startTime: Invalid value: "{LATER}": field is immutable for unsuspended job once set'],
        ),
        (
            {},
            {"completedIndexes": "0"},
            [
                'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
            ],
        ),
        (
            {},
            {"uncountedTerminatedPods": {"succeeded": ["a"], "failed": ["a", ""]}},
            [
                'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
                'status.uncountedTerminatedPods.failed[1]: Invalid value: "": must not be empty',
            ],
        ),
    ],
)
def test_the_status_of_a_job_makes_sense(before: Obj, status: Obj, expected: list[str] | None) -> None:
    old = stored(job())
    old["status"] = before
    found = texts(with_status(old, **status)[1])
    assert found == expected if expected is not None else found[0].startswith("status.failed: Invalid value: -1")


def test_failed_and_completed_indexes_do_not_overlap() -> None:
    old = stored(job(**INDEXED, backoffLimitPerIndex=1))
    found = texts(with_status(old, completedIndexes="0-1", failedIndexes="1,2")[1])
    assert found == ['status.failedIndexes: Invalid value: "1,2": failedIndexes and completedIndexes overlap at index: 1']


def test_the_pods_of_an_indexed_job_that_shrinks_may_be_fewer() -> None:
    old = stored(job(**INDEXED))
    old["status"] = {"succeeded": 3}
    assert with_status(old, succeeded=1)[1] == []


def schedule_error(text: str) -> list[str]:
    return [e.partition(": ")[2] for e in texts(created(cron_job(text))[1])]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"concurrencyPolicy": "No"}, ['spec.concurrencyPolicy: Unsupported value: "No": supported values: "Allow", "Forbid", "Replace"']),
        ({"startingDeadlineSeconds": -1}, ["spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"]),
        ({"timeZone": "Europe/Berlin"}, []),
        ({"timeZone": ""}, ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']),
        ({"timeZone": "Europe/Nosuch"}, ['spec.timeZone: Invalid value: "Europe/Nosuch": unknown time zone Europe/Nosuch']),
        ({"timeZone": "a//b"}, ['spec.timeZone: Invalid value: "a//b": unknown time zone a//b']),
        (
            {"timeZone": "Local"},
            ['spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'],
        ),
    ],
)
def test_a_cron_job_is_looked_at(spec: Obj, expected: list[str]) -> None:
    assert texts(created(cron_job("@hourly", **spec))[1]) == expected


def test_a_cron_job_has_a_schedule() -> None:
    assert texts(created(cron_job(""))[1]) == ["spec.schedule: Required value"]


def test_the_name_of_a_cron_job_leaves_room_for_a_time() -> None:
    body = cron_job("@hourly")
    body["metadata"]["name"] = "n" * 53
    assert texts(created(body)[1]) == [f'metadata.name: Invalid value: "{"n" * 53}": must be no more than 52 characters']


def test_the_jobs_of_a_cron_job_have_no_selector() -> None:
    body = cron_job("@hourly")
    body["spec"]["jobTemplate"]["spec"] |= {"selector": {"matchLabels": {"a": "b"}}, "manualSelector": True}
    assert texts(created(body)[1]) == [
        'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
        'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ]


def test_a_time_zone_in_a_schedule_is_kept_but_not_new() -> None:
    body = cron_job("TZ=UTC 0 0 * * *")
    text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
    assert schedule_error("TZ=UTC 0 0 * * *") == [f'Invalid value: "TZ=UTC 0 0 * * *": {text}']
    old = stored(cron_job("0 0 * * *"))
    old["spec"]["schedule"] = body["spec"]["schedule"]
    assert updated(old, body)[1] == []
    (warning,) = strategy(old).warnings(updated(old, body)[0], old)
    assert warning.startswith("cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead")


def test_a_huge_indexed_job_is_warned_about() -> None:
    draft, errors = created(job(completionMode="Indexed", completions=100001, parallelism=10001))
    assert errors == []
    (warning,) = strategy(draft).warnings(draft, None)
    assert warning.startswith("spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4")
