"""`wherry up --config FILE`: a YAML file with the same keys as the options; what the command line says wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def load_config(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """Makes the file's values the defaults of the other options. Raises BadParameter, which names the file."""
    if value is None:
        return
    options = {option.name: option for option in context.command.params if option.name not in ("config", "help")}
    given = {str(key).replace("-", "_"): item for key, item in _read(value).items()}
    if unknown := sorted(set(given) - set(options)):
        raise click.BadParameter(f"{value} has no such option: {', '.join(name.replace('_', '-') for name in unknown)}")
    defaults = {name: _value(value, options[name], item) for name, item in given.items() if item is not None}
    context.default_map = {**(context.default_map or {}), **defaults}


def _read(path: Path) -> dict[Any, Any]:
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} is not YAML: {_where(error)}") from error
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise click.BadParameter(f"{path} must hold a mapping of option names to values")
    return config


def _where(error: Exception) -> str:
    """The parser's finding in one line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"


def _value(path: Path, option: click.Parameter, item: Any) -> Any:
    """As the option wants it: a list where it may be given several times, and true or false for a flag."""
    name = str(option.name).replace("_", "-")
    if isinstance(option, click.Option) and option.is_flag and not isinstance(item, bool):
        raise click.BadParameter(f"{path}: {name} must be true or false")
    if option.multiple if isinstance(option, click.Option) else False:
        items = item if isinstance(item, list) else [item]
        if not all(isinstance(each, str) for each in items):
            raise click.BadParameter(f"{path}: {name} must be a list of texts")
        return items
    if isinstance(item, dict | list) or (isinstance(item, bool) and not (isinstance(option, click.Option) and option.is_flag)):
        raise click.BadParameter(f"{path}: {name} must be one value")
    try:
        option.type.convert(item, option, None)
    except click.BadParameter as error:
        raise click.BadParameter(f"{path}: {name}: {error.message}") from None
    return item
