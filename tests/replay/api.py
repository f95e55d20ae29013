"""Plays a recorded group of raw API calls over plain HTTP, and says where the answers differ."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import aiohttp

from tests.replay.harness import GOLDEN, Session

#: headers that the recordings keep and that must agree (Audit-Id: only that there is one)
HEADERS = ("Content-Type", "Warning", "Cache-Control", "Vary", "Allow", "Retry-After")


def load(group: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / "api" / f"{group}.jsonl").read_text().splitlines()]


class Player:
    """One group on one session; `values` holds what placeholders stood for, to fill in later requests."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.differences: dict[str, str] = {}

    def play(self, group: str) -> dict[str, str]:
        """id of the case -> difference."""
        for case in load(group):
            if "wait" in case:
                time.sleep(case["wait"])
            else:
                self.session.quiet()
            deadline = time.monotonic() + 5
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
        versions = set(re.findall(r"resourceVersion=(\d+)", path))
        decoded = _decode(got, "watch=" in path or "/watch/" in path)
        normaliser = self.session.normaliser
        decoded = normaliser.text(decoded) if isinstance(decoded, str) else normaliser.value(decoded, versions=versions)
        return _compare(case, status, got_headers, decoded)

    async def _send(self, method: str, path: str, headers: dict[str, str], content: str | None) -> tuple[int, Any, str]:
        url = self.session.cluster.url + path
        async with aiohttp.ClientSession() as http:
            data = None if content is None else content.encode()
            from yarl import URL

            async with http.request(
                method, URL(url, encoded=True), headers=headers, data=data, ssl=False, skip_auto_headers=("Content-Type",)
            ) as response:
                return response.status, response.headers, await response.text()

    def _fill(self, text: str) -> str:
        """Placeholders of earlier answers by what they stood for here."""
        back = {mark: value for value, mark in self.session.normaliser.sub.items()}
        back |= {mark: str(value) for (_, value), mark in self.session.normaliser.ids.items()}
        return re.sub(r"<[A-Z]+\d*>", lambda m: back.get(m[0], m[0]), text)


def _decode(text: str, stream: bool) -> Any:
    if stream and (not text or text.startswith('{"type"')):
        events = [json.loads(line) for line in text.splitlines()]
        return [e for e in events if e["type"] != "BOOKMARK" or e["object"]["metadata"].get("annotations")]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _compare(case: dict[str, Any], status: int, headers: Any, body: Any) -> str:
    expected = case["response"]
    problems = []
    if status != expected["status"]:
        problems.append(f"status {status}, expected {expected['status']}")
    for name in HEADERS:
        if expected["headers"].get(name) != headers.get(name):
            problems.append(f"{name}: {headers.get(name)!r}, expected {expected['headers'].get(name)!r}")
    want, got = {"body": expected.get("body", "")}, {"body": body}
    for pointer in case.get("varies", []):
        _forget(want, pointer)
        _forget(got, pointer)
    problems += _differences(want["body"] if "body" in want else None, got.get("body"), "")
    return "\n".join(problems)


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


def _differences(want: Any, got: Any, at: str) -> list[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        found = []
        for key in sorted({*want, *got}):
            if key not in got:
                found.append(f"{at}/{key}: missing, expected {json.dumps(want[key])[:300]}")
            elif key not in want:
                found.append(f"{at}/{key}: not expected: {json.dumps(got[key])[:300]}")
            else:
                found += _differences(want[key], got[key], f"{at}/{key}")
        return found
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [d for i, (w, g) in enumerate(zip(want, got, strict=True)) for d in _differences(w, g, f"{at}/{i}")]
    return [] if want == got else [f"{at}: {json.dumps(got)[:400]}, expected {json.dumps(want)[:400]}"]
