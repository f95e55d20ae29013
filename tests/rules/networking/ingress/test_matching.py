"""Where a request goes: the tables of https://kubernetes.io/docs/concepts/services-networking/ingress/, and their order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.rules.networking.ingress.matching import host_name, match
from wherry.rules.networking.ingress.table import Table, table

Obj = dict[str, Any]


def backend(name: str, port: int | str = 80) -> Obj:
    return {"service": {"name": name, "port": {"number": port} if isinstance(port, int) else {"name": port}}}


def ingress(name: str, *rules: tuple[str, str, str, str], at: str = "2026-01-01T00:00:00Z", default: str = "", **spec: Any) -> Obj:
    """Rules: host, kind, path, service."""
    paths: dict[str, list[Obj]] = {}
    for host, kind, path, service in rules:
        paths.setdefault(host, []).append({"path": path, "pathType": kind, "backend": backend(service)})
    said: Obj = {"rules": [{"host": host, "http": {"paths": each}} for host, each in paths.items()], **spec} if rules else {**spec}
    if default:
        said["defaultBackend"] = backend(default)
    return {"metadata": {"name": name, "namespace": "d", "creationTimestamp": at}, "spec": said}


def goes(found: Table, host: str, path: str) -> str:
    to = match(found, host, path)
    return to.service if to is not None else ""


@pytest.mark.parametrize(("kind", "path", "asked", "covers"), [
    ("Prefix", "/", "/any", True),
    ("Exact", "/foo", "/foo", True),
    ("Exact", "/foo", "/bar", False),
    ("Exact", "/foo", "/foo/", False),
    ("Exact", "/foo/", "/foo", False),
    ("Prefix", "/foo", "/foo", True),
    ("Prefix", "/foo", "/foo/", True),
    ("Prefix", "/foo/", "/foo", True),
    ("Prefix", "/foo/", "/foo/", True),
    ("Prefix", "/aaa/bb", "/aaa/bbb", False),
    ("Prefix", "/aaa/bbb", "/aaa/bbb", True),
    ("Prefix", "/aaa/bbb/", "/aaa/bbb", True),
    ("Prefix", "/aaa/bbb", "/aaa/bbb/", True),
    ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", True),
    ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", False),
    ("Prefix", "/Foo", "/foo", False),
    ("ImplementationSpecific", "/foo", "/foo/bar", True),
    ("ImplementationSpecific", "", "/any", True),
])  # fmt: skip
def test_paths_cover_what_the_reference_says(kind: str, path: str, asked: str, covers: bool) -> None:
    found = table([ingress("i", ("a.example", kind, path, "s"))])
    assert goes(found, "a.example", asked) == ("s" if covers else "")


def test_the_longest_path_wins_and_of_equals_the_exact_one() -> None:
    found = table([ingress(
        "i", ("h.example", "Prefix", "/", "all"), ("h.example", "Prefix", "/foo", "foo"), ("h.example", "Prefix", "/foo/bar", "bar"),
        ("h.example", "Exact", "/foo", "exact"),
    )])  # fmt: skip
    assert [goes(found, "h.example", path) for path in ("/", "/foo", "/foo/", "/foo/bar/x", "/foobar")] == [
        "all", "exact", "foo", "bar", "all",
    ]  # fmt: skip


@pytest.mark.parametrize(("asked", "to"), [
    ("bar.foo.com", "wild"), ("baz.bar.foo.com", "any"), ("foo.com", "any"), ("a.foo.com", "exact"), ("A.Foo.com:8080", "exact"),
    ("a.foo.com.", "exact"), ("other.org", "any"), ("[::1]:80", "any"), ("", "any"),
])  # fmt: skip
def test_an_exact_host_is_before_a_wildcard_of_one_label_and_that_before_any_host(asked: str, to: str) -> None:
    found = table([ingress("i", ("*.foo.com", "Prefix", "/", "wild"), ("a.foo.com", "Prefix", "/", "exact"), ("", "Prefix", "/", "any"))])
    assert goes(found, asked, "/x") == to


def test_what_no_path_of_a_host_covers_goes_to_a_default_backend() -> None:
    own = ingress("own", ("a.example", "Prefix", "/a", "a"), default="own-default")
    rest = ingress("rest", default="rest", at="2026-01-02T00:00:00Z")
    bare = ingress("bare", ("b.example", "Prefix", "/b", "b"))
    found = table([own, rest, bare])
    asked = ("a.example", "/z"), ("b.example", "/z"), ("c.example", "/")
    assert [goes(found, *each) for each in asked] == ["own-default", "rest", "rest"]
    assert match(table([bare]), "b.example", "/z") is None


def test_the_older_ingress_has_a_path_that_two_want_and_the_other_is_told() -> None:
    older = ingress("b", ("h.example", "Prefix", "/", "first"))
    newer = ingress("a", ("h.example", "Prefix", "/", "second"), ("h.example", "Prefix", "/own", "own"), at="2026-01-02T00:00:00Z")
    found = table([newer, older])
    assert goes(found, "h.example", "/") == "first"
    assert goes(found, "h.example", "/own") == "own"
    assert [(fault.ingress, fault.reason) for fault in found.faults] == [("d/a", "PathTaken")]


def test_a_backend_that_is_no_service_is_refused_by_name_and_the_rest_is_served() -> None:
    bad = ingress("i", ("h.example", "Prefix", "/", "s"))
    bad["spec"]["defaultBackend"] = {"resource": {"apiGroup": "k8s.example", "kind": "Bucket", "name": "static"}}
    found = table([bad])
    assert goes(found, "h.example", "/") == "s"
    assert "Bucket" in found.faults[0].message


def test_certificates_are_those_of_the_oldest_ingress_that_names_a_host() -> None:
    tls = [{"hosts": ["H.example", "*.w.example"], "secretName": "one"}]
    first = ingress("a", ("h.example", "Prefix", "/", "s"), tls=tls)
    second = ingress("b", ("h.example", "Prefix", "/", "s"), tls=[{"hosts": ["h.example"], "secretName": "two"}], at="2026-01-02T00:00:00Z")
    found = table([second, first])
    assert {host: secret.key for host, secret in found.secrets.items()} == {"h.example": "d/one", "*.w.example": "d/one"}


_PATHS = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3).map(lambda parts: "/" + "/".join(parts))
_RULES = st.lists(st.tuples(st.sampled_from(["", "h.example", "*.example", "x.example"]), st.sampled_from(["Exact", "Prefix"]), _PATHS,
                            st.sampled_from(["s", "t", "u"])), min_size=1, max_size=8)  # fmt: skip


@given(_RULES, st.sampled_from(["h.example", "y.example", "org"]), _PATHS)
def test_the_way_is_that_of_a_search_through_all_rules(rules: list[tuple[str, str, str, str]], host: str, path: str) -> None:
    """Against the words of the reference, rule by rule, element by element."""
    def words(text: str) -> list[str]:
        return [word for word in text.split("/") if word]

    wild = "*." + host.partition(".")[2]
    level = next((each for each in (host, wild, "") if any(rule[0] == each for rule in rules)), None)
    covering = [
        rule for rule in rules
        if rule[0] == level and (rule[2] == path if rule[1] == "Exact" else words(path)[: len(words(rule[2]))] == words(rule[2]))
    ]
    best = sorted(covering, key=lambda rule: (-len(rule[2].rstrip("/") if rule[1] == "Prefix" else rule[2]), rule[1] != "Exact"))
    # of two rules for one path the first one has it
    assert goes(table([ingress("i", *rules)]), host, path) == (best[0][3] if best else "")


@given(st.permutations([ingress(f"i{at}", ("h.example", "Prefix", f"/{at % 2}", f"s{at}"), at=f"2026-01-0{at + 1}T00:00:00Z")
                        for at in range(4)]))  # fmt: skip
def test_a_table_does_not_depend_on_the_order_of_ingresses(ingresses: list[Obj]) -> None:
    assert [goes(table(ingresses), "h.example", path) for path in ("/0", "/1")] == ["s0", "s1"]


def test_hosts_are_told_without_port() -> None:
    assert [host_name(each) for each in ("A.b:80", "[::1]:80", "a.b.")] == ["a.b", "::1", "a.b"]
