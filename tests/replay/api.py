"""Plays a recorded group of raw API calls over plain HTTP, and says where the answers differ."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import aiohttp
from yarl import URL

from tests.replay.harness import GOLDEN, Session

#: headers that the recordings keep and that must agree (Audit-Id: only that there is one)
HEADERS = ("Content-Type", "Warning", "Cache-Control", "Vary", "Allow", "Retry-After")
#: seconds that a call marked `retry` is repeated for
RETRIES = 2.0


def load(group: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / "api" / f"{group}.jsonl").read_text().splitlines()]


class Player:
    """One group on one session. Numbered placeholders are names: which of ours stands for which of the recording's is learnt on the way."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.differences: dict[str, str] = {}
        self.marks = Marks()

    def play(self, group: str) -> dict[str, str]:
        """id of the case -> difference."""
        cases = load(group)
        self.session.normaliser.keep |= asked_for(cases)
        for case in cases:
            if "wait" in case:
                time.sleep(case["wait"])
            else:
                self.session.quiet()
            deadline = time.monotonic() + RETRIES
            while True:
                difference = self._one(case)
                if not (difference and case.get("retry")) or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            if difference and not case.get("setup"):
                self.differences[case["id"]] = difference
        return self.differences

    def _one(self, case: dict[str, Any]) -> str:
        request = case["request"]
        path, body = self._fill(request["path"]), request.get("body")
        content = None if body is None else self._fill(body if isinstance(body, str) else json.dumps(body))
        headers = dict(request["headers"])
        credentials = request.get("authorization")
        if credentials is None:
            headers["Authorization"] = f"Bearer {self.session.cluster.pki.token}"
        elif credentials == "invalid":
            headers["Authorization"] = "Bearer not-a-token"
        status, got_headers, got = self.session.cluster.call(self._send(request["method"], path, headers, content))
        decoded = _decode(got, "watch=" in path or "/watch/" in path)
        return self._compare(case, status, got_headers, self._normal(decoded, set(re.findall(r"resourceVersion=(\d+)", path))))

    def _normal(self, decoded: Any, versions: set[str]) -> Any:
        """What we answered, with placeholders as the recorder put them."""
        normaliser = self.session.normaliser
        if isinstance(decoded, str):
            decoded = re.sub(r'(resourceVersion: ")(\d+)', lambda m: m[1] + normaliser.identify("RV", m[2]), decoded)
            return normaliser.text(decoded)
        meta = decoded.get("metadata", {}) if isinstance(decoded, dict) else {}
        if (base := meta.get("generateName")) and re.fullmatch(re.escape(base) + "[a-z0-9]{5}", meta["name"]):
            normaliser.sub[meta["name"]], normaliser.pattern = base + normaliser.number("R"), None
        return normaliser.value(_unrecorded(decoded), versions=versions)

    async def _send(self, method: str, path: str, headers: dict[str, str], content: str | None) -> tuple[int, Any, str]:
        url = self.session.cluster.url + path
        async with aiohttp.ClientSession() as http:
            data = None if content is None else content.encode()
            async with http.request(
                method, URL(url, encoded=True), headers=headers, data=data, ssl=False, skip_auto_headers=("Content-Type",)
            ) as response:
                return response.status, response.headers, await response.text()

    def _fill(self, text: str) -> str:
        """Placeholders of earlier answers by what they stood for here."""
        back = {mark: value for value, mark in self.session.normaliser.sub.items()}
        back |= {mark: str(value) for (_, value), mark in self.session.normaliser.ids.items()}
        return re.sub(r"<[A-Z]+\d*>", lambda m: back.get(self.marks.ours(m[0]), m[0]), text)

    def _compare(self, case: dict[str, Any], status: int, headers: Any, body: Any) -> str:
        expected = case["response"]
        problems = []
        if status != expected["status"]:
            problems.append(f"status {status}, expected {expected['status']}")
        for name in HEADERS:
            wanted, got = expected["headers"].get(name), headers.getall(name, [])
            if got != ([] if wanted is None else wanted if isinstance(wanted, list) else [wanted]):
                problems.append(f"{name}: {got!r}, expected {wanted!r}")
        if ("Audit-Id" in headers) != ("Audit-Id" in expected["headers"]):
            problems.append("Audit-Id: there or not")
        want, found = {"body": expected.get("body", "")}, {"body": body}
        for pointer in case.get("varies", []):
            _forget(want, pointer)
            _forget(found, pointer)
        problems += _differences(want.get("body"), found.get("body"), "", self.marks)
        return "\n".join(problems)


class Marks:
    """Which numbered placeholder of the recording is which of ours: one to one.

    Numbers follow the first appearance, so a call whose answer is missing here would shift all that come later.
    """

    MARK = re.compile(r"<(?:RV|UID|CLUSTERIP|NODEPORT|CONTINUE|R)\d+>")

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}
        self._theirs: dict[str, str] = {}

    def ours(self, theirs: str) -> str:
        return self._ours.get(theirs, theirs)

    def same(self, want: str, got: str) -> bool:
        if self.MARK.split(want) != self.MARK.split(got):
            return False
        pairs = list(zip(self.MARK.findall(want), self.MARK.findall(got), strict=True))
        return all(self._kind(w) == self._kind(g) and self._bind(w, g) for w, g in pairs)

    @staticmethod
    def _kind(mark: str) -> str:
        return mark.rstrip("0123456789>")

    def _bind(self, want: str, got: str) -> bool:
        return self._ours.setdefault(want, got) == got and self._theirs.setdefault(got, want) == want


def asked_for(cases: list[dict[str, Any]]) -> set[Any]:
    """Addresses and ports that requests ask for by value: they are not placeholders."""
    text = "\n".join(json.dumps(c["request"].get("body")) for c in cases)
    return {*re.findall(r"\b10\.96\.\d+\.\d+\b", text), *(int(p) for p in re.findall(r"\b3\d{4}\b", text))}


#: parts of a version answer that tell how a server was built
BUILD = ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")


def _unrecorded(value: Any) -> Any:
    """What the recorder left out besides: the build, hashes of documents, the cluster's own certificate."""
    if isinstance(value, dict):
        build = dict.fromkeys(BUILD, "<BUILD>") if "gitCommit" in value else {}
        certificate = {"ca.crt": ""} if str(value.get("ca.crt", "")).startswith("-----BEGIN") else {}
        kubelet = {"manager": "Python"} if value.get("manager") == "kubelet" and "fieldsV1" in value else {}  # of the recorder's nodes
        return {k: _unrecorded(v) for k, v in value.items()} | build | certificate | kubelet
    if isinstance(value, list):
        return [_unrecorded(v) for v in value]
    if isinstance(value, str) and "?hash=" in value:
        return re.sub(r"(\?hash=)[0-9A-F]+", r"\1<HASH>", value)
    return value


def _decode(text: str, stream: bool) -> Any:
    if stream and (not text or text.startswith('{"type"')):
        events = [json.loads(line) for line in text.splitlines()]
        return [e for e in events if e["type"] != "BOOKMARK" or e["object"]["metadata"].get("annotations")]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _forget(value: Any, pointer: str) -> None:
    *parents, last = [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]
    for part in parents:
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError):
            return
    if isinstance(value, dict):
        value.pop(last, None)
    elif isinstance(value, list) and last.isdigit() and int(last) < len(value):
        value[int(last)] = None


def _differences(want: Any, got: Any, at: str, marks: Marks) -> list[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        found = []
        for key in sorted({*want, *got}):
            if key not in got:
                found.append(f"{at}/{key}: missing, expected {json.dumps(want[key])[:300]}")
            elif key not in want:
                found.append(f"{at}/{key}: not expected: {json.dumps(got[key])[:300]}")
            else:
                found += _differences(want[key], got[key], f"{at}/{key}", marks)
        return found
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [d for i, (w, g) in enumerate(zip(want, got, strict=True)) for d in _differences(w, g, f"{at}/{i}", marks)]
    same = marks.same(want, got) if isinstance(want, str) and isinstance(got, str) else want == got
    return [] if same else [f"{at}: {json.dumps(got)[:400]}, expected {json.dumps(want)[:400]}"]
