"""A KubeSchedulerConfiguration: what its profiles do, and what is refused, by name."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import yaml

from tests.rules.placing.scheduling.test_decisions import node, place, pod, snapshot
from tests.rules.placing.scheduling.test_pods_about_pods import HOST, ZONE, requires
from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.configuration.read import ConfigurationError, Election, read
from wherry.rules.placing.scheduling.decide import Bind, decide
from wherry.rules.placing.scheduling.plugin import Profile
from wherry.rules.placing.scheduling.profile import DEFAULT
from wherry.rules.placing.scheduling.setup import Setup
from wherry.rules.placing.scheduling.snapshot import Snapshot


def text(**fields: Any) -> str:
    return yaml.safe_dump({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", **fields})


def setup(**fields: Any) -> Setup:
    return read(text(**fields)).setup


def profile(plugins: Obj | None = None, **args: Any) -> Profile:
    configured = [{"name": name, "args": value} for name, value in args.items()]
    return setup(profiles=[{"plugins": plugins or {}, "pluginConfig": configured}]).profiles["default-scheduler"]


def names(plugins: Any) -> list[tuple[str, int]]:
    return [(p.name, getattr(p, "weight", 0)) for p in plugins]


def only(*scores: str) -> Obj:
    """No other scores than these."""
    return {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": s} for s in scores]}}


def chosen(p: Obj, s: Snapshot, by: Profile) -> str:
    decision = decide(s.demands.info(p), s, Random(1).randrange, by)
    return decision.node if isinstance(decision, Bind) else decision.message


def faults(**fields: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(text(**fields))
    return str(refused.value).split("; ")


def test_nothing_said_is_the_default_profile() -> None:
    made = setup()
    assert (list(made.profiles), made.first_backoff, made.max_backoff) == (["default-scheduler"], 1.0, 10.0)
    found = made.profiles["default-scheduler"]
    for points in ("filters", "cluster_filters", "cluster_scores"):
        assert names(getattr(found, points)) == names(getattr(DEFAULT, points))
    assert sorted(names(found.scores)) == sorted(names(DEFAULT.scores))
    assert found[4:] == DEFAULT[4:]


def test_plugins_are_switched_off_and_weighed_at_each_point() -> None:
    plugins = {
        "multiPoint": {"disabled": [{"name": "NodePorts"}], "enabled": [{"name": "InterPodAffinity", "weight": 7}]},
        "filter": {"disabled": [{"name": "NodeUnschedulable"}]},
        "score": {"disabled": [{"name": "ImageLocality"}], "enabled": [{"name": "TaintToleration", "weight": 9}]},
        "postFilter": {"disabled": [{"name": "*"}]},
        "preEnqueue": {"disabled": [{"name": "SchedulingGates"}]},
    }
    found = profile(plugins)
    assert [f.name for f in found.filters] == ["NodeName", "TaintToleration", "NodeAffinity", "NodeResourcesFit"]
    assert dict(names(found.scores))["TaintToleration"] == 9
    assert names(found.cluster_scores) == [("PodTopologySpread", 2), ("InterPodAffinity", 7)]
    assert (found.preempts, found.devices, found.gates) == (False, False, False)


def test_a_cordoned_node_takes_pods_of_a_profile_without_that_filter() -> None:
    s = snapshot(node("a", unschedulable=True))
    assert chosen(pod("p"), s, profile({"filter": {"disabled": [{"name": "NodeUnschedulable"}]}})) == "a"
    without = profile({"postFilter": {"disabled": [{"name": "*"}]}})
    assert chosen(pod("p"), s, without) == "0/1 nodes are available: 1 node(s) were unschedulable."


@pytest.mark.parametrize(("strategy", "best"), [
    ({"type": "LeastAllocated"}, "empty"),
    ({"type": "MostAllocated"}, "full"),
    ({"type": "MostAllocated", "resources": [{"name": "memory", "weight": 3}]}, "greedy"),
    ({"type": "RequestedToCapacityRatio",
      "requestedToCapacityRatio": {"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]}}, "full"),
    ({"type": "RequestedToCapacityRatio", "resources": [{"name": "cpu"}],
      "requestedToCapacityRatio": {"shape": [{"utilization": 40, "score": 10}, {"utilization": 60, "score": 0}]}}, "empty"),
])  # fmt: skip
def test_the_scoring_strategy_says_how_full_nodes_should_be(strategy: Obj, best: str) -> None:
    s = snapshot(node("empty"), node("full"), node("greedy", memory="16Gi"))
    place(pod("a", {"cpu": "3", "memory": "6Gi"}), s, "full")
    place(pod("b", {"cpu": "2", "memory": "14Gi"}), s, "greedy")
    by = profile(only("NodeResourcesFit"), NodeResourcesFit={"scoringStrategy": strategy})
    assert chosen(pod("p", {"cpu": "500m", "memory": "500Mi"}), s, by) == best


def test_extended_resources_may_be_ignored() -> None:
    s = snapshot(node("a"))
    wants = pod("p", {"example.com/gpu": "1"})
    assert chosen(wants, s, profile()).startswith("0/1 nodes are available: 1 Insufficient example.com/gpu")
    assert chosen(wants, s, profile(NodeResourcesFit={"ignoredResources": ["example.com/gpu"]})) == "a"
    assert chosen(wants, s, profile(NodeResourcesFit={"ignoredResourceGroups": ["example.com"]})) == "a"
    assert "Insufficient cpu" in chosen(pod("p", {"cpu": "9"}), s, profile(NodeResourcesFit={"ignoredResources": ["cpu"]}))


def test_default_constraints_spread_pods_of_one_owner() -> None:
    s = snapshot(node("a", labels={ZONE: "1"}), node("b", labels={ZONE: "1"}), node("c", labels={ZONE: "2"}, cpu="1"))
    rule = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    by = profile(PodTopologySpread={"defaultingType": "List", "defaultConstraints": [rule]})
    place(pod("one", owner="rs"), s, "a")
    place(pod("load", {"cpu": "1"}), s, "c")
    assert chosen(pod("two", owner="rs"), s, by) == "c"
    refused = chosen(pod("two", {"cpu": "1"}, owner="rs"), s, by)
    assert "2 node(s) didn't match pod topology spread constraints" in refused
    soft = {**rule, "whenUnsatisfiable": "ScheduleAnyway"}
    mild = profile(only("PodTopologySpread"), PodTopologySpread={"defaultingType": "List", "defaultConstraints": [soft]})
    assert chosen(pod("two", owner="rs"), s, mild) == "c"
    assert chosen(pod("two", {"cpu": "1"}, owner="rs"), s, mild) in ("a", "b")


def test_all_pods_of_a_profile_may_be_kept_to_some_nodes() -> None:
    s = snapshot(node("a"), node("b", labels={"disk": "ssd"}), node("c", labels={"disk": "ssd", "fast": "yes"}))
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    liked = {"weight": 100, "preference": {"matchExpressions": [{"key": "fast", "operator": "Exists"}]}}
    added = {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]},
        "preferredDuringSchedulingIgnoredDuringExecution": [liked],
    }
    by = profile(NodeAffinity={"addedAffinity": added})
    assert chosen(pod("p"), s, by) == "c"
    refused = chosen(pod("p", nodeSelector={"kubernetes.io/hostname": "a"}), s, by)
    assert "1 node(s) didn't match scheduler-enforced node affinity" in refused
    assert "2 node(s) didn't match Pod's node affinity/selector" in refused


def test_hard_affinity_weighs_as_much_as_is_said() -> None:
    s = snapshot(node("a"), node("b"))
    place(pod("db", labels={"app": "db"}), s, "b")
    place(pod("cache", affinity=requires("podAffinity", "db", topology=HOST)), s, "b")
    s.remove_pod("d/db")
    place(pod("load", {"cpu": "2"}), s, "b")
    assert chosen(pod("db2", labels={"app": "db"}), s, profile(InterPodAffinity={"hardPodAffinityWeight": 100})) == "b"
    assert chosen(pod("db2", labels={"app": "db"}), s, profile(InterPodAffinity={"hardPodAffinityWeight": 0})) == "a"


def test_only_a_share_of_many_nodes_is_scored() -> None:
    s = snapshot(*(node(f"n{i:03d}") for i in range(300)))
    for i in range(299):
        place(pod(f"load{i}", {"cpu": "1"}), s, f"n{i:03d}")
    assert chosen(pod("p"), s, DEFAULT) == "n299"
    few = setup(percentageOfNodesToScore=5).profiles["default-scheduler"]
    assert decide(s.demands.info(pod("p")), s, lambda n: 0, few) == Bind("n000")
    own = setup(percentageOfNodesToScore=5, profiles=[{"percentageOfNodesToScore": 50}]).profiles["default-scheduler"]
    assert own.scored_percent == 50


def test_times_and_the_rest_are_read() -> None:
    found = read(text(podInitialBackoffSeconds=3, podMaxBackoffSeconds=30, leaderElection={"leaderElect": False, "leaseDuration": "1m5s"},
                      clientConnection={"kubeconfig": "/k", "qps": 5}, parallelism=4, enableProfiling=False))
    assert (found.setup.first_backoff, found.setup.max_backoff, found.kubeconfig) == (3.0, 30.0, "/k")
    assert found.election == Election(False, 65.0)


def test_what_is_unknown_is_refused_by_name() -> None:
    assert faults(foo=1, profiles=[{"schedulerNames": "x"}]) == ["foo: unknown field", "profiles[0].schedulerNames: unknown field"]
    plugins = {"filters": {}, "score": {"enabled": [{"name": "Mine", "weight": -1}], "disabled": [{"name": "Yours"}]},
               "filter": {"enabled": [{"name": "ImageLocality"}]}, "multiPoint": {"enabled": [{"name": "GangScheduling"}]}}  # fmt: skip
    assert faults(profiles=[{"plugins": plugins}]) == [
        "profiles[0].plugins.filters: unknown field",
        'profiles[0].plugins.multiPoint.enabled[0].name: plug-in "GangScheduling" is not in wherry',
        'profiles[0].plugins.filter.enabled[0].name: plug-in "ImageLocality" has nothing to do at filter',
        "profiles[0].plugins.score.enabled[0].weight: must be in the range 0 to 2147483647, not -1",
        'profiles[0].plugins.score.enabled[0].name: unknown plug-in "Mine"',
        'profiles[0].plugins.score.disabled[0].name: unknown plug-in "Yours"',
    ]
    configured = [{"name": "NodeName", "args": {}}, {"name": "VolumeBinding", "args": {"bindTimeout": 3}}, {"name": "Mine"}]
    assert faults(profiles=[{"pluginConfig": configured}]) == [
        'profiles[0].pluginConfig[0].name: plug-in "NodeName" takes no arguments',
        "profiles[0].pluginConfig[1].args.bindTimeout: unknown field",
        'profiles[0].pluginConfig[2].name: unknown plug-in "Mine"',
    ]
    assert faults(extenders=[{"urlPrefix": "http://x"}]) == ["extenders: scheduler extenders are not in wherry"]


@pytest.mark.parametrize(("plugin", "args", "fault"), [
    ("InterPodAffinity", {"hardPodAffinityWeight": 101}, "hardPodAffinityWeight: must be in the range 0 to 100, not 101"),
    ("NodeResourcesFit", {"scoringStrategy": {"type": "Best"}},
     'scoringStrategy.type: must be one of LeastAllocated, MostAllocated, RequestedToCapacityRatio, not "Best"'),
    ("NodeResourcesFit", {"scoringStrategy": {"type": "RequestedToCapacityRatio"}},
     "scoringStrategy.requestedToCapacityRatio.shape: must have at least one point"),
    ("NodeResourcesFit", {"kind": "FitArgs"}, "kind: must be NodeResourcesFitArgs"),
    ("PodTopologySpread", {"defaultConstraints": [{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway"}]},
     "defaultingType: must be List when there are defaultConstraints"),
    ("PodTopologySpread", {"defaultingType": "List", "defaultConstraints": [{"maxSkew": 0, "topologyKey": "z",
                                                                             "whenUnsatisfiable": "DoNotSchedule"}]},
     "defaultConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"),
    ("NodeAffinity", {"addedAffinity": {"requiredDuringScheduling": {}}}, "addedAffinity.requiredDuringScheduling: unknown field"),
    ("VolumeBinding", {"bindTimeoutSeconds": "soon"}, "bindTimeoutSeconds: must be an integer"),
    ("NodeResourcesBalancedAllocation", {"resources": [{"name": "cpu", "weight": 2}]}, "resources[0].weight: must be 1"),
])  # fmt: skip
def test_wrong_arguments_are_refused_with_their_path(plugin: str, args: Obj, fault: str) -> None:
    assert faults(profiles=[{"pluginConfig": [{"name": plugin, "args": args}]}]) == [f"profiles[0].pluginConfig[0].args.{fault}"]


def test_profiles_need_a_name_each() -> None:
    assert faults(profiles=[{"schedulerName": "a"}, {"schedulerName": "a"}, {}]) == [
        'profiles[1].schedulerName: "a" is there twice', "profiles[2].schedulerName: must not be empty",
    ]  # fmt: skip


def test_half_a_plugin_and_no_binder_are_refused() -> None:
    plugins = {"bind": {"disabled": [{"name": "*"}]}, "preFilter": {"disabled": [{"name": "NodePorts"}]}}
    assert faults(profiles=[{"plugins": plugins}]) == [
        'profiles[0].plugins.bind: at least one plug-in must bind: "DefaultBinder"',
        'profiles[0].plugins.preFilter: plug-in "NodePorts" is enabled at filter, and does not work there without preFilter',
    ]


def test_another_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="kind: must be KubeSchedulerConfiguration"):
        read("apiVersion: kubescheduler.config.k8s.io/v1\nkind: Pod\n")
    with pytest.raises(ConfigurationError, match="apiVersion: must be"):
        read("apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\n")
    with pytest.raises(ConfigurationError, match="not YAML"):
        read("{")
