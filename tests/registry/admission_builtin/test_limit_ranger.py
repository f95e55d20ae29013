"""LimitRanger: what it fills in, what it refuses, and how it says so."""

from __future__ import annotations

import pytest

from tests.registry.admission_builtin.registry_world import Body, World, pod, run
from wherry.api.errors import Forbidden
from wherry.rules.admission import limit_range


def _limits(*items: Body) -> Body:
    return {"metadata": {"name": "l"}, "spec": {"limits": list(items)}}


CPU = {"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"}, "min": {"cpu": "50m"}}


def test_a_container_that_says_nothing_gets_the_defaults_and_an_annotation_that_tells() -> None:
    async def test(world: World) -> None:
        await world.create("limitranges", _limits(CPU))
        made = await world.create("pods", pod())
        assert made["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
        text = "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
        assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == text

    run(test)


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ({"limits": {"cpu": "3"}}, "[maximum cpu usage per Container is 1, but limit is 3]"),
        ({"requests": {"cpu": "10m"}}, "minimum cpu usage per Container is 50m, but request is 10m"),
    ],
)
def test_what_is_out_of_bounds_is_refused(resources: Body, why: str) -> None:
    async def test(world: World) -> None:
        await world.create("limitranges", _limits(CPU))
        with pytest.raises(Forbidden) as refused:
            await world.create("pods", pod(resources=resources))
        assert refused.value.message == f'pods "p" is forbidden: {why.strip("[]")}'

    run(test)


def test_all_that_one_limit_range_has_to_say_is_said_at_once() -> None:
    item = {"type": "Container", "max": {"cpu": "1", "memory": "1Gi"}}
    found = limit_range.pod_violations(_limits(item), pod(resources={"limits": {"cpu": "2"}, "requests": {"memory": "2Gi"}}))
    assert found == [
        "maximum cpu usage per Container is 1, but limit is 2",
        "maximum memory usage per Container is 1Gi.  No limit is specified",
    ]


def test_a_pod_is_measured_as_a_whole() -> None:
    item = {"type": "Pod", "max": {"cpu": "1"}}
    two = pod()
    two["spec"]["containers"] = [{"name": n, "resources": {"limits": {"cpu": "600m"}}} for n in "ab"]
    assert limit_range.pod_violations(_limits(item), two) == ["maximum cpu usage per Pod is 1, but limit is 1200m"]


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "3"}}, "but provided ratio is 3.000000"),
        ({"requests": {"cpu": "1"}}, "but no limit is specified or limit is 0"),
        ({"limits": {"cpu": "1"}}, "but no request is specified or request is 0"),
    ],
)
def test_the_ratio_of_limit_to_request_has_a_maximum(resources: Body, why: str) -> None:
    item = {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}
    found = limit_range.pod_violations(_limits(item), pod(resources=resources))
    assert found == [f"cpu max limit to request ratio per Container is 2, {why}"]


def test_a_claim_has_bounds_too_also_when_it_grows() -> None:
    item = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}

    async def test(world: World) -> None:
        await world.create("limitranges", _limits(item))
        claim = {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}}}
        with pytest.raises(Forbidden) as refused:
            await world.create("persistentvolumeclaims", claim)
        why = "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
        assert refused.value.message == f'persistentvolumeclaims "c" is forbidden: {why}'

    run(test)
