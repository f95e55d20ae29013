"""`wherry token` as somebody has it who lets a machine join."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from tests.cli.program import up, wherry

_TOKEN = r"[a-z0-9]{6}\.[a-z0-9]{16}"


def test_tokens_are_made_shown_used_and_taken_away(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with up(home, "--no-run-nodes"):
        at = ("--kubeconfig", home / "kubeconfig")
        made = wherry("token", "create", "abcdef.0123456789abcdef", "--ttl", "1h", "--description", "for Bob", *at)
        assert (made.status, made.out) == (0, "abcdef.0123456789abcdef\n")
        assert "a token with id 'abcdef' already exists" in wherry("token", "create", "abcdef.0123456789abcdef", *at).refused()
        drawn = wherry("token", "create", "--ttl", "0", "--groups", "system:bootstrappers:mine", *at).out
        assert re.fullmatch(_TOKEN + r"\n", drawn)
        head, *rows = wherry("token", "list", *at).out.splitlines()
        assert head.split("  ")[0] == "TOKEN"
        [bobs] = [row for row in rows if row.startswith("abcdef.")]
        assert re.search(r"59m|60m", bobs)
        assert re.split(r" {2,}", bobs)[3:] == ["signing,authentication", "for Bob", "system:bootstrappers:kubeadm:default-node-token"]
        [mine] = [row for row in rows if not row.startswith("abcdef.")]
        assert re.split(r" {2,}", mine)[1:3] == ["<forever>", "<never>"]
        listed = json.loads(wherry("token", "list", "-o", "json", *at).out)
        assert {each["token"] for each in listed} == {"abcdef.0123456789abcdef", drawn.strip()}
        config = yaml.safe_load(wherry("token", "create", "--print-kubeconfig", *at).out)
        assert re.fullmatch(_TOKEN, config["users"][0]["user"]["token"])
        bootstrap = tmp_path / "bootstrap.yaml"
        bootstrap.write_text(yaml.safe_dump(config))
        refused = wherry("token", "list", "--kubeconfig", bootstrap).refused()
        assert f'User "system:bootstrap:{config["users"][0]["user"]["token"][:6]}" cannot list resource "secrets"' in refused
        assert wherry("token", "delete", "abcdef", *at).out == 'bootstrap token "abcdef" deleted\n'
        assert wherry("token", "delete", "abcdef", *at).refused() == "there is no bootstrap token 'abcdef'"


def test_what_is_wrong_is_said_in_a_line(tmp_path: Path) -> None:
    assert re.fullmatch(_TOKEN + r"\n", wherry("token", "generate").out)
    assert "'abc' was not of the form" in wherry("token", "create", "abc").refused()
    assert "invalid bootstrap token usage string: all" in wherry("token", "create", "--usages", "all").refused()
    assert "'abc' didn't match pattern" in wherry("token", "delete", "abc").refused()
    assert "nosuch" in wherry("token", "list", "--kubeconfig", tmp_path / "nosuch").refused()
