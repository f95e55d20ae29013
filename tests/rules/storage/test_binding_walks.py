"""Claims and volumes in random worlds: whoever looks at what, in whatever order, and stops after any write, no volume has two claims."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.storage.storage_objects import Things, claim, storage_class, volume
from wherry.api.objects import Obj, annotations_of, key, name, uid
from wherry.rules.storage.binding import claims, names, volumes
from wherry.rules.storage.binding.matching import best_match

SIZES = ("1Gi", "2Gi", "5Gi")
MODES = (("ReadWriteOnce",), ("ReadWriteMany",), ("ReadWriteOnce", "ReadWriteMany"))
INDEX = st.integers(0, 3)
STEP = st.one_of(
    st.tuples(st.just("claim"), INDEX, st.sampled_from(SIZES), st.sampled_from(MODES[:2]), st.sampled_from(["", "c1"])),
    st.tuples(st.just("volume"), INDEX, st.sampled_from(SIZES), st.sampled_from(MODES), st.sampled_from(["", "c1"])),
    st.tuples(st.just("reserve"), INDEX, INDEX),
    st.tuples(st.just("drop claim"), INDEX),
    st.tuples(st.just("drop volume"), INDEX),
    st.tuples(st.just("look at claim"), INDEX),
    st.tuples(st.just("look at volume"), INDEX),
)


class World:
    def __init__(self) -> None:
        self.things = Things(storage_class("c1", "example.com/none"))
        self.made = 0

    def do(self, step: tuple[Any, ...]) -> None:
        kind, index, *rest = step
        at, called = f"ns/c{index}", f"v{index}"
        objs = self.things.objs
        if kind == "claim" and ("PersistentVolumeClaim", at) not in objs:
            self._add(claim(f"c{index}", rest[0], modes=rest[1], storageClassName=rest[2]))
        elif kind == "volume" and ("PersistentVolume", called) not in objs:
            self._add(volume(called, rest[0], modes=rest[1], phase="Pending", storageClassName=rest[2]))
        elif kind == "reserve" and ("PersistentVolume", called) in objs:
            found = objs["PersistentVolume", called]
            if not found["spec"].get("claimRef"):
                ref = {"namespace": "ns", "name": f"c{rest[0]}"}
                objs["PersistentVolume", called] = {**found, "spec": {**found["spec"], "claimRef": ref}}
        elif kind == "drop claim":
            objs.pop(("PersistentVolumeClaim", at), None)
        elif kind == "drop volume":
            objs.pop(("PersistentVolume", called), None)
        elif kind.startswith("look"):
            self.look(at if kind.endswith("claim") else called)

    def _add(self, obj: Obj) -> None:
        self.made += 1
        obj["metadata"]["uid"] = f"uid-{self.made}"
        self.things.objs[obj["kind"], key(obj)] = obj

    def look(self, at: str) -> bool:
        """One look, which is at most one write."""
        things = self.things
        if "/" in at:
            found = things.objs.get(("PersistentVolumeClaim", at))
            return found is not None and things.apply(claims.plan_claim(found, things.world))
        held = things.objs.get(("PersistentVolume", at))
        return held is not None and things.apply(volumes.plan_volume(held, things.world))

    def settle(self) -> None:
        for _ in range(200):
            keys = [key(o) for o in self.things.objs.values() if o["kind"] != "StorageClass"]
            wrote = [self.look(at) for at in keys]
            if not any(wrote):
                return
        raise AssertionError("it never comes to rest")

    def check(self) -> None:
        """Whoever says it is bound has a volume that says so too, and that only one claim has."""
        owners: dict[str, str] = {}
        for each in self.things.of("PersistentVolumeClaim"):
            if each["status"]["phase"] != "Bound":
                continue
            found = self.things.objs.get(("PersistentVolume", each["spec"]["volumeName"]))
            if found is None or found["spec"]["claimRef"].get("uid") != uid(each):
                continue  # its volume was taken away by hand; the next look finds it lost
            assert owners.setdefault(name(found), uid(each)) == uid(each)
            assert each["status"]["accessModes"] == found["spec"]["accessModes"]

    def check_rest(self) -> None:
        for each in self.things.of("PersistentVolumeClaim"):
            phase, at = each["status"]["phase"], each["spec"].get("volumeName")
            if phase == "Bound":
                found = self.things.get("PersistentVolume", at)
                assert (found["spec"]["claimRef"]["uid"], found["status"]["phase"]) == (uid(each), "Bound")
            elif phase == "Pending" and not at:
                assert best_match(each, self.things.of("PersistentVolume"), delayed=False) is None
            else:
                assert phase == "Lost" or names.BIND_COMPLETED not in annotations_of(each)
        for held in self.things.of("PersistentVolume"):
            ref, phase = held["spec"].get("claimRef") or {}, held["status"]["phase"]
            there = self.things.objs.get(("PersistentVolumeClaim", f"{ref.get('namespace')}/{ref.get('name')}"))
            if not ref.get("uid"):
                assert phase == "Available"
            elif there is None or uid(there) != ref["uid"]:
                assert phase == "Released"


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, max_size=60))
def test_a_volume_has_one_claim_whatever_happens(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    for step in steps:
        world.do(step)
        world.check()
    world.settle()
    world.check()
    world.check_rest()
