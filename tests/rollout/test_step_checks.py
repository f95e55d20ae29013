"""Checks between steps: how they are written, and what an answer says."""

from __future__ import annotations

import asyncio
import sys

import pytest

from wherry.kit.fetch import Fetched
from wherry.rollout.checks import BadCheck, Check, Measured, Tally, chosen, of_http, of_pods, of_query, one, parse
from wherry.rollout.measuring import Pods, measure, run


def test_a_check_a_line() -> None:
    smoke, errors, pods = parse("""
        name=smoke http=http://web/health status=200-299 latency=500ms count=5 every=2s failures=1
        name=errors prometheus=http://prom:9090 query='sum(rate(errors[1m])) / 2' below=0.05 unclear=0
        restarts=0 ready=80%""")
    assert smoke == Check("smoke", http="http://web/health", status=(200, 299), latency=0.5, count=5, every=2, failures=1)
    assert errors.url == "http://prom:9090/api/v1/query?query=sum%28rate%28errors%5B1m%5D%29%29%20%2F%202"
    assert (pods.kind, pods.shown, pods.restarts, pods.ready) == ("pods", "pods", 0, 0.8)
    assert chosen((smoke, errors), ("errors",)) == (errors,)
    assert chosen((smoke, errors), ()) == (smoke, errors)


@pytest.mark.parametrize(("line", "said"), [
    ("count=3", "exactly one of"), ("http=http://a command=b", "exactly one of"), ("http=web", "must be an http"),
    ("prometheus=http://a", "go together"), ("http=http://a count=0", "more than 0"), ("http=http://a retries=3", 'is none of'),
    ("restarts=few", "invalid literal"),
    ("http=http://a every=soon", "length of time"), ("'", "No closing quotation"), ("ready=120%", "between 0 and 1")])
def test_what_cannot_be_meant_is_refused(line: str, said: str) -> None:
    with pytest.raises(BadCheck, match=said):
        one(line)


def test_a_step_must_find_its_checks() -> None:
    with pytest.raises(BadCheck, match="there are none"):
        chosen((), ())
    with pytest.raises(BadCheck, match='no check "b": there are a'):
        chosen((Check("a", http="http://a"),), ("b",))
    with pytest.raises(BadCheck, match="two checks"):
        parse("name=a restarts=0\nname=a restarts=1")


def test_http_is_judged_by_status_and_time() -> None:
    check = Check(http="http://a", latency=0.1)
    assert of_http(check, 200, "", 0.05).result == "good"
    assert of_http(check, 503, "", 0.05) == Measured("bad", "HTTP status 503")
    assert of_http(check, 200, "", 0.25) == Measured("bad", "answered in 250 ms, 100 ms allowed")
    assert of_http(check, 0, "refused", 0.0) == Measured("bad", "refused")


def test_a_query_is_judged_by_its_values_and_silence_is_unclear() -> None:
    vector = '{"status":"success","data":{"resultType":"vector","result":[%s]}}'
    sample = '{"metric":{},"value":[1,"%s"]}'
    below = Check(prometheus="http://p", query="x", below=0.05)
    assert of_query(below, 200, vector % (sample % "0.01")).result == "good"
    assert of_query(below, 200, vector % (sample % "0.05")) == Measured("bad", "is 0.05, must be below 0.05")
    assert of_query(below, 200, vector % "") == Measured("unclear", "the query gives no value")
    assert of_query(below, 200, vector % (sample % "NaN")).result == "unclear"
    assert of_query(below, 0, "refused") == Measured("unclear", "refused")
    assert of_query(below, 400, '{"status":"error","error":"parse error"}') == Measured("unclear", "parse error")
    assert of_query(below, 200, "<html>").result == "unclear"
    above = Check(prometheus="http://p", query="x", above=0.9)
    assert of_query(above, 200, '{"data":{"resultType":"scalar","result":[1,"0.5"]}}') == Measured("bad", "is 0.5, must be above 0.9")
    alert = Check(prometheus="http://p", query="x > 1")
    assert of_query(alert, 200, vector % "").result == "good"
    assert of_query(alert, 200, vector % (sample % "7")) == Measured("bad", "gives 7")


def test_pods_are_judged_by_restarts_and_readiness() -> None:
    assert of_pods(Check(restarts=1, ready=1.0), 1, 4, 4).result == "good"
    assert of_pods(Check(restarts=1), 2, 4, 4) == Measured("bad", "2 restarts of new pods, 1 allowed")
    assert of_pods(Check(ready=0.8), 0, 3, 4) == Measured("bad", "3 of 4 new pods ready, at least 80% wanted")


def test_measurements_count_until_they_say_something() -> None:
    good, bad, unclear = Measured("good"), Measured("bad", "no"), Measured("unclear", "who knows")
    tally = Tally(Check(restarts=0, count=3, failures=1, unclear=1))
    assert [tally.add(each) for each in (good, bad, unclear, good)] == [None, None, None, Measured("good")]
    tally = Tally(Check("a", restarts=0, failures=1))
    assert [tally.add(each) for each in (bad, bad)] == [None, Measured("bad", "check a: no, 2 of 2 measurements")]
    tally = Tally(Check("a", restarts=0, unclear=0))
    assert tally.add(unclear) == Measured("unclear", "check a: who knows")


def test_one_check_that_fails_fails_the_step_and_ends_the_others() -> None:
    async def fetch(url: str) -> Fetched:
        return Fetched(500 if "bad" in url else 200, "")

    async def work() -> None:
        pods = Pods(0, 1, 1)
        slow = Check("slow", http="http://good", every=1000)
        assert (await measure([slow, Check("b", http="http://bad")], lambda: pods, fetch=fetch)).why == "check b: HTTP status 500"
        assert (await measure([Check(http="http://good", every=0.001)], lambda: pods, fetch=fetch)).result == "good"
        silent = Check("c", command=("/no/such/program",), every=0.001)
        verdict = await measure([silent, Check(http="http://good", every=0.001)], lambda: pods, fetch=fetch)
        assert (verdict.result, verdict.why) == ("unclear", "check c: /no/such/program: No such file or directory")

    asyncio.run(asyncio.wait_for(work(), 20))


def test_a_program_says_it_by_its_exit_status_and_is_ended_when_it_takes_too_long() -> None:
    async def work() -> None:
        program = (sys.executable, "-c", "import os, sys; print('one'); print(os.environ['WHERRY_STEP']); sys.exit(3)")
        assert await run(program, 20, {"WHERRY_STEP": "check"}) == (3, "check")
        code, said = await run(("sh", "-c", "sleep 100 & sleep 100"), 0.2, {})
        assert (code, said) == (None, "sh took more than 0.2s")

    asyncio.run(asyncio.wait_for(work(), 30))
