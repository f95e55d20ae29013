"""Command lines are read as kubectl reads them."""

from __future__ import annotations

import pytest

from wherry.cli.kube.flags import Flag, FlagError, duration, parse, record

FLAGS = (Flag("watch", short="w", kind="bool", default=True), Flag("all", short="A", kind="bool"), Flag("output", short="o"),
         Flag("replicas", kind="int", default=-1), Flag("filename", short="f", kind="strings"), Flag("env", short="e", kind="array"),
         Flag("timeout", kind="duration", default=30.0), Flag("dry-run", bare="unchanged", default="none"), Flag("token"))


@pytest.mark.parametrize(("line", "name", "value"), [
    ("--watch=false", "watch", False), ("-w=false", "watch", False), ("--watch x", "watch", True), ("-Aw=false", "watch", False),
    ("-ojson", "output", "json"), ("-o json", "output", "json"), ("-o=json", "output", "json"), ("--output=a=b", "output", "a=b"),
    ("--replicas=-1", "replicas", -1), ("-f a,b -f c", "filename", ("a", "b", "c")), ("-e a,b -e c", "env", ("a,b", "c")),
    ("--timeout=1m30s", "timeout", 90.0), ("--dry-run", "dry-run", "unchanged"), ("--dry-run=client", "dry-run", "client"),
    ("--dry_run=client", "dry-run", "client"), ("x", "dry-run", "none"),
])
def test_a_flag_has_a_value(line: str, name: str, value: object) -> None:
    assert parse(line.split(), FLAGS)[name] == value


def test_arguments_may_stand_anywhere_and_a_double_dash_ends_flags() -> None:
    given = parse(["a", "-o", "json", "b", "A-", "-", "--", "-x", "--all"], FLAGS)
    assert given.arguments == ["a", "b", "A-", "-", "-x", "--all"]
    assert given.after_dash == 4
    assert not given["all"]


@pytest.mark.parametrize(("line", "text"), [
    ("--nope", "unknown flag: --nope"), ("-Az", "unknown shorthand flag: 'z' in -Az"), ("--output", "flag needs an argument: --output"),
    ("-o", "flag needs an argument: 'o' in -o"),
    ("--replicas=x", 'invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax'),
    ("--watch=x", 'invalid argument "x" for "-w, --watch" flag: strconv.ParseBool: parsing "x": invalid syntax'),
    ("--timeout=5", 'invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"'),
])
def test_what_is_wrong_is_said_in_the_same_words(line: str, text: str) -> None:
    with pytest.raises(FlagError) as raised:
        parse(line.split(), FLAGS)
    assert str(raised.value) == text


def test_a_required_flag_must_be_there() -> None:
    with pytest.raises(FlagError, match=r'required flag\(s\) "image" not set'):
        parse([], [Flag("image", required=True)])


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("1h2m3.5s", 3723.5), ("250ms", 0.25), ("-1s", -1.0), ("1.5h", 5400.0)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "1d", "s", "1", "1m2"])
def test_texts_that_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="time: "):
        duration(text)


def test_a_command_is_recorded_with_long_flags_and_without_secrets() -> None:
    given = parse(["-f", "x.yaml", "deployment/web", "-w", "--token=secret", "--watch=false"], FLAGS)
    assert record("wherry", ["set", "image"],
                  given) == ("wherry set image deployment/web --filename=x.yaml --watch=true --token=CLASSIFIED "
                                                         "--watch=false")
