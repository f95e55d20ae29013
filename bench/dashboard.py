"""The dashboard in Chromium: the first view of 1,000 workloads from a warm server, an update from the API to the screen, what is shipped.

The cluster and the dashboard run as their users run them; times are the browser's own. Needs chromium and playwright.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.request import Request, urlopen

from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import resource

WORKLOADS, VIEWS, UPDATES = 1000, 5, 20
#: rows that a first view must have at least: more than a screen shows
SCREEN = 50
_DEPLOYMENTS = resource("deployments", "apps")
#: milliseconds since the page was asked for until it shows so many cards and has been painted
_DRAWN = """count => new Promise(done => { const look = () => document.querySelectorAll('a.card').length >= count
  ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look); look(); })"""
#: the moment, on the page's clock in milliseconds since 1970, at which a card first shows the image
_SHOWN = """image => new Promise(done => { const look = () => [...document.querySelectorAll('.images')].some(e => e.textContent === image)
  ? done(Date.now()) : requestAnimationFrame(look); look(); })"""


def run() -> Iterator[tuple[str, float]]:
    from playwright.sync_api import sync_playwright

    count = SETTINGS.scaled(WORKLOADS)
    with Cluster(nodes=10, pods_per_node=1000) as cluster, sync_playwright() as driver:
        for number in range(count):
            cluster.client.create(_DEPLOYMENTS, "default", _deployment(f"svc-{number:04}"))
        command = [sys.executable, "-m", "wherry", "dashboard", "--port", "0", "--kubeconfig", str(cluster.kubeconfig)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            link = process.stdout.readline().split()[1]
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            try:
                yield from _measured(browser, link, cluster, count)
            finally:
                browser.close()
                process.terminate()


def _measured(browser: Any, link: str, cluster: Any, count: int) -> Iterator[tuple[str, float]]:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(link)
    page.evaluate(_DRAWN, count)
    views = []
    for _ in range(VIEWS):
        page.reload(wait_until="commit")
        views.append([page.evaluate(_DRAWN, min(count, SCREEN)), page.evaluate(_DRAWN, count)])
    yield f"ms to the first view of {count:,} workloads", statistics.median(first for first, _ in views)
    yield f"ms until all {count:,} have their row", statistics.median(whole for _, whole in views)
    updates = [_update(page, cluster, number) for number in range(SETTINGS.scaled(UPDATES))]
    yield "ms from the API to the screen", statistics.median(updates)
    yield "ms from the API to the screen, the slowest", max(updates)
    yield "KB shipped (packed)", sum(_packed(link, file.name) for file in (files("wherry.dashboard") / "static").iterdir()) / 1000


def _packed(link: str, name: str) -> int:
    """Bytes of a file as a browser gets it."""
    url = link.partition("#")[0] + ("" if name == "index.html" else f"static/{name}")
    with urlopen(Request(url, headers={"Accept-Encoding": "gzip"}), timeout=10) as answer:
        return len(answer.read())


def _update(page: Any, cluster: Any, number: int) -> float:
    image = f"app:{number + 2}"
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    begun = time.time() * 1000
    cluster.client.patch(_DEPLOYMENTS, "default", "svc-0000", patch, STRATEGIC_PATCH)
    return float(page.evaluate(_SHOWN, image)) - begun


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    spec = {"containers": [{"name": "c", "image": "app:1"}]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}}
