"""The page in Chromium: what somebody sees, clicks and types, in both languages, with and without light, on a phone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.rollout.workloads import DEPLOYMENTS, deployment
from wherry import Cluster
from wherry.api.options import STRATEGIC_PATCH

pytestmark = pytest.mark.browser
#: for screenshots: where a developer looks at them
SHOTS = Path(__file__).parents[2] / ".screenshots"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    assert chromium, "chromium is not installed: apt-get install chromium"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with Cluster(nodes=3) as cluster:
        yield cluster


@contextmanager
def dashboard(cluster: Any, *flags: str) -> Iterator[str]:
    """The link of one that runs as its users run it."""
    command = [sys.executable, "-m", "wherry", "dashboard", "--port", "0", "--kubeconfig", str(cluster.kubeconfig), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()


@contextmanager
def page(browser: Any, link: str, **options: Any) -> Iterator[Page]:
    """Open, signed in; anything that the page complains of fails the test."""
    complaints: list[str] = []
    context = browser.new_context(viewport=options.pop("viewport", {"width": 1280, "height": 900}), **options)
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: complaints.append(request.url) if "127.0.0.1" not in request.url else None)
    opened.goto(link)
    yield opened
    context.close()
    assert complaints == []


def shot(opened: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    opened.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def create(cluster: Any, *names: str, image: str = "nginx:1", replicas: int = 3) -> None:
    for name in names:
        made = deployment(name, image, replicas=replicas)
        made["spec"]["selector"] = {"matchLabels": {"app": name}}
        made["spec"]["template"]["metadata"]["labels"] = {"app": name}
        cluster.apply(made)
    for name in names:
        cluster.rollout(f"deployment/{name}").finished("20s")


def set_image(cluster: Any, name: str, image: str) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    cluster.client.patch(DEPLOYMENTS, "default", name, patch, STRATEGIC_PATCH)


def test_the_board_shows_what_moves_and_why_something_does_not(cluster: Any, browser: Any) -> None:
    create(cluster, "calm", "broken")
    with dashboard(cluster) as link, page(browser, link) as opened:
        broken = opened.locator("a.card", has_text="broken")
        expect(broken.locator(".state")).to_have_text("rolled out")
        set_image(cluster, "broken", "image.that/does-not-exist:1")
        expect(broken.locator(".state")).to_have_text("stuck")
        expect(broken.locator(".why")).to_contain_text('image "image.that/does-not-exist:1"')
        # what needs somebody is first
        expect(opened.locator("a.card .name").first).to_have_text("broken")
        shot(opened, "board")
        opened.keyboard.press("/")
        opened.keyboard.type("calm")
        expect(opened.locator("a.card")).to_have_count(1)
        opened.get_by_role("searchbox").fill("")
        opened.get_by_role("button", name="stuck").click()
        expect(opened.locator("a.card .name")).to_have_text(["broken"])


def test_an_undo_is_shown_before_it_is_done_and_then_seen(cluster: Any, browser: Any) -> None:
    create(cluster, "web", replicas=4)
    set_image(cluster, "web", "nginx:2")
    cluster.rollout("deployment/web").finished("20s")
    with dashboard(cluster) as link, page(browser, link) as opened:
        opened.locator("a.card", has=opened.get_by_text("web", exact=True)).click()
        expect(opened.locator(".timeline > li")).to_have_count(2)
        opened.get_by_role("button", name="Undo", exact=True).click()
        dialog = opened.get_by_role("dialog")
        expect(dialog).to_contain_text("spec.containers[c].image: − nginx:2 + nginx:1")
        dialog.get_by_role("button", name="Forecast").click()
        expect(dialog).to_contain_text("at least", timeout=20000)
        shot(opened, "undo")
        dialog.get_by_role("button", name="Do it").click()
        expect(opened.locator(".timeline > li.newest")).to_contain_text("nginx:1")
        expect(opened.locator("svg.chart polyline")).to_have_count(1)
        shot(opened, "rollout")
    assert cluster.client.get(DEPLOYMENTS, "default", "web")["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"


def test_it_is_used_with_the_keyboard_alone(cluster: Any, browser: Any) -> None:
    create(cluster, "keys")
    with dashboard(cluster) as link, page(browser, link) as opened:
        expect(opened.locator("a.card").first).to_be_visible()
        opened.keyboard.press("/")
        opened.keyboard.type("keys")
        expect(opened.locator("a.card")).to_have_count(1)
        opened.locator("#main").focus()
        opened.keyboard.press("j")
        opened.keyboard.press("Enter")
        expect(opened.get_by_role("heading", name="keys", exact=True)).to_be_visible()
        expect(opened.locator("#main")).to_be_focused()
        pause = opened.get_by_role("button", name="Pause")
        expect(pause).to_be_enabled()
        pause.focus()
        opened.keyboard.press("Enter")
        confirm = opened.get_by_role("dialog").get_by_role("button", name="Do it")
        expect(confirm).to_be_enabled()
        confirm.focus()
        opened.keyboard.press("Enter")
        expect(opened.get_by_role("button", name="Resume")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(cluster: Any, browser: Any, scheme: str) -> None:
    """WCAG AA: 4.5 to 1."""
    create(cluster, "calm")
    with dashboard(cluster) as link, page(browser, link, color_scheme=scheme) as opened:
        expect(opened.locator("a.card").first).to_be_visible()
        assert opened.evaluate(CONTRASTS) == []
        opened.locator("a.card", has_text="calm").click()
        expect(opened.locator("tbody tr td.num").first).to_be_visible()
        assert opened.evaluate(CONTRASTS) == []
        shot(opened, f"rollout-{scheme}")


def test_in_chinese_and_on_a_phone(cluster: Any, browser: Any) -> None:
    create(cluster, "calm")
    phone = {"width": 390, "height": 844}
    with dashboard(cluster) as link, page(browser, link, viewport=phone, locale="zh-CN", has_touch=True) as opened:
        calm = opened.locator("a.card", has_text="calm")
        expect(calm.locator(".state")).to_have_text("已完成")
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390
        calm.tap()
        expect(opened.get_by_role("button", name="回滚", exact=True)).to_be_visible()
        expect(opened.locator("tbody tr").first).to_be_visible()
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390
        shot(opened, "phone")
        opened.get_by_role("button", name="English").tap()
        expect(opened.get_by_role("button", name="Undo", exact=True)).to_be_visible()


def test_a_rollout_in_steps_is_promoted_on_the_page(cluster: Any, browser: Any) -> None:
    create(cluster, "stepwise", replicas=4)
    command = [sys.executable, "-m", "wherry", "rollout", "steps", "deployment/stepwise", "--steps", "50%, pause, 100%"]
    with subprocess.Popen([*command, "--image", "c=nginx:2", "--kubeconfig", str(cluster.kubeconfig)], stdout=subprocess.DEVNULL) as driver:
        try:
            with dashboard(cluster) as link, page(browser, link) as opened:
                opened.locator("a.card", has_text="stepwise").click()
                expect(opened.locator(".steps .current")).to_have_text("pause")
                shot(opened, "steps")
                opened.get_by_role("button", name="Promote").click()
                opened.get_by_role("dialog").get_by_role("button", name="Do it").click()
                expect(opened.locator(".steps .passed")).to_have_count(3)
        finally:
            driver.terminate()


def test_a_lost_connection_is_said_and_mended(cluster: Any, browser: Any) -> None:
    create(cluster, "calm")
    with dashboard(cluster, "--port", "18440") as link:
        context = browser.new_context()
        opened = context.new_page()
        opened.goto(link)
        expect(opened.locator("#connection")).to_contain_text("live")
        cookies = context.cookies()
        assert [(cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [(True, "Strict")]
    expect(opened.locator("#connection")).to_contain_text("connection lost")
    with dashboard(cluster, "--port", "18440"):
        # another start knows no session of the one before: the page asks to sign in again
        expect(opened.locator("main")).to_contain_text("Open the dashboard by the link", timeout=15000)
    context.close()


#: texts whose contrast to their background is below 4.5
CONTRASTS = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const f = [r, g, b].map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const behind = element => { for (let at = element; at; at = at.parentElement) { const c = rgb(getComputedStyle(at).backgroundColor);
    if (c.length && (c.length < 4 || c[3] > 0)) return c; } return [255, 255, 255]; };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    if (element.disabled || !element.offsetParent || ![...element.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push(`${element.className || element.tagName}: ${ratio.toFixed(2)} ${element.textContent.slice(0, 30)}`);
  }
  return found;
}"""
