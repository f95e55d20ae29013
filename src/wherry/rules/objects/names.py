"""Formats of names, keys and values: each function gives the messages of what is wrong with one string, none when it is good.

Called by every validation rule, many times per write; a good value costs one match of a compiled expression.
Source: k8s.io/apimachinery/pkg/util/validation and pkg/api/validate/content (the texts are part of the API).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from wherry.rules.objects.addresses import ip

LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN: Final = rf"{LABEL}(\.{LABEL})*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_WILDCARD: Final = rf"\*\.{SUBDOMAIN}"
_KEY_NAME: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE: Final = f"({_KEY_NAME})?"
_ENV: Final = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"
_HEADER: Final = "[-A-Za-z0-9]+"
_C_IDENTIFIER: Final = "[A-Za-z_][A-Za-z0-9_]*"
_PERCENT: Final = "[0-9]+%"
_LOWER: Final = "lower case alphanumeric characters"

is_label = re.compile(LABEL).fullmatch
is_subdomain = re.compile(SUBDOMAIN).fullmatch
_is_1035 = re.compile(_LABEL_1035).fullmatch
_is_wildcard = re.compile(_WILDCARD).fullmatch
_is_key_name = re.compile(_KEY_NAME).fullmatch
_is_good_value = re.compile("(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?").fullmatch
_is_good_plain_key = re.compile("[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?").fullmatch
_is_value = re.compile(_LABEL_VALUE).fullmatch
_is_env = re.compile(_ENV).fullmatch
_is_config_key = re.compile(_CONFIG_KEY).fullmatch
_is_header = re.compile(_HEADER).fullmatch
_is_c_identifier = re.compile(_C_IDENTIFIER).fullmatch
_is_percent = re.compile(_PERCENT).fullmatch
_is_port_charset = re.compile("[-a-z0-9]+").fullmatch
_has_letter = re.compile("[a-z]").search

NameRule = Callable[[str], list[str]]


def length(value: str) -> int:
    """Bytes in UTF-8, which is what every limit counts."""
    return len(value) if value.isascii() else len(value.encode())


def max_length(n: int) -> str:
    return f"must be no more than {n} characters"


def in_range(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def regex_message(message: str, pattern: str, *examples: str) -> str:
    """The reference's sentence: `message (e.g. 'a',  or 'b', regex used for validation is '...')`."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{e}', " for e in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


_LABEL_TEXT = regex_message(
    f"a lowercase RFC 1123 label must consist of {_LOWER} or '-', and must start and end with an alphanumeric character",
    LABEL, "my-name", "123-abc",
)
_SUBDOMAIN_TEXT = regex_message(
    f"a lowercase RFC 1123 subdomain must consist of {_LOWER}, '-' or '.', and must start and end with an alphanumeric character",
    SUBDOMAIN, "example.com",
)
_1035_TEXT = regex_message(
    f"a DNS-1035 label must consist of {_LOWER} or '-', start with an alphabetic character, and end with an alphanumeric character",
    _LABEL_1035, "my-name", "abc-123",
)
_WILDCARD_TEXT = regex_message(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    f"{_LOWER}, '-' or '.' and end with an alphanumeric character",
    _WILDCARD, "*.example.com",
)
_KEY_TEXT = regex_message(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    _KEY_NAME, "MyName", "my.name", "123-abc",
)
_VALUE_TEXT = regex_message(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    _LABEL_VALUE, "MyValue", "my_value", "12345",
)
_ENV_TEXT = regex_message(
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
    _ENV, "my.env-name", "MY_ENV.NAME", "MyEnvName1",
)
_RELAXED_ENV_TEXT = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_CONFIG_KEY_TEXT = regex_message(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'", _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"
)
_HEADER_TEXT = regex_message("a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, "X-Header-Name")
_C_TEXT = regex_message(
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    _C_IDENTIFIER, "my_name", "MY_NAME", "MyName",
)
_PERCENT_TEXT = regex_message("a valid percent string must be a numeric string followed by an ending '%'", _PERCENT, "1%", "93%")


def dns1123_label(value: str) -> list[str]:
    good = is_label(value) is not None
    if good and len(value) <= 63:
        return []
    errors = [max_length(63)] if length(value) > 63 else []
    if not good:
        errors.append("must not contain dots" if is_subdomain(value) else _LABEL_TEXT)
    return errors


def dns1123_subdomain(value: str) -> list[str]:
    good = is_subdomain(value) is not None
    if good and len(value) <= 253:
        return []
    errors = [max_length(253)] if length(value) > 253 else []
    if not good:
        errors.append(_SUBDOMAIN_TEXT)
    return errors


def dns1035_label(value: str) -> list[str]:
    good = _is_1035(value) is not None
    if good and len(value) <= 63:
        return []
    errors = [max_length(63)] if length(value) > 63 else []
    if not good:
        errors.append(_1035_TEXT)
    return errors


def wildcard_dns1123_subdomain(value: str) -> list[str]:
    errors = [max_length(253)] if length(value) > 253 else []
    if not _is_wildcard(value):
        errors.append(_WILDCARD_TEXT)
    return errors


def qualified_name(value: str) -> list[str]:
    """A label key: an optional DNS subdomain and `/`, then a name of at most 63 characters."""
    if _is_good_plain_key(value):
        return []
    parts = value.split("/")
    if len(parts) > 2:
        return [f"a valid label key {_KEY_TEXT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    errors: list[str] = []
    if len(parts) == 2:
        if not parts[0]:
            errors.append("prefix part must be non-empty")
        else:
            errors += [f"prefix part {m.replace('253 characters', '253 bytes')}" for m in dns1123_subdomain(parts[0])]
    name = parts[-1]
    if not name:
        errors.append("name part must be non-empty")
    elif length(name) > 63:
        errors.append("name part must be no more than 63 bytes")
    if not _is_key_name(name):
        errors.append(f"name part {_KEY_TEXT}")
    return errors


def label_value(value: str) -> list[str]:
    if _is_good_value(value):
        return []
    errors = ["must be no more than 63 bytes"] if length(value) > 63 else []
    if not _is_value(value):
        errors.append(_VALUE_TEXT)
    return errors


def _change_directory(value: str) -> list[str]:
    if not value.startswith("."):
        return []
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def strict_env_var_name(value: str) -> list[str]:
    """The rule of environment variables before Kubernetes 1.34, still that of `envFrom` prefixes in old objects."""
    return ([] if _is_env(value) else [_ENV_TEXT]) + _change_directory(value)


def env_var_name(value: str) -> list[str]:
    """Printable ASCII without `=` (KEP-4369, RelaxedEnvironmentVariableValidation)."""
    if not value:
        return ["environment variable name must be non-empty"]
    good = value.isascii() and value.isprintable() and "=" not in value
    return [] if good else [_RELAXED_ENV_TEXT]


def config_map_key(value: str) -> list[str]:
    errors = [max_length(253)] if length(value) > 253 else []
    if not _is_config_key(value):
        errors.append(_CONFIG_KEY_TEXT)
    return errors + _change_directory(value)


def port_name(value: str) -> list[str]:
    """IANA_SVC_NAME (RFC 6335, section 5.1)."""
    errors = [max_length(15)] if length(value) > 15 else []
    if not _is_port_charset(value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter(value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else [in_range(1, 65535)]


def http_header_name(value: str) -> list[str]:
    return [] if _is_header(value) else [_HEADER_TEXT]


def c_identifier(value: str) -> list[str]:
    return [] if _is_c_identifier(value) else [_C_TEXT]


def percent(value: str) -> list[str]:
    return [] if _is_percent(value) else [_PERCENT_TEXT]


def path_segment_prefix(value: str) -> list[str]:
    return [f"may not contain '{c}'" for c in "/%" if c in value]


def path_segment_name(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return path_segment_prefix(value)


def as_prefix(rule: NameRule, value: str) -> list[str]:
    """What `rule` says of a generateName: a trailing dash stands for what will be appended."""
    if len(value) > 1 and value.endswith("-"):
        value = value[:-2] + "a"
    return rule(value)


def long_name(value: str) -> list[str]:
    """A subdomain, in the words of the reference's declarative validation."""
    return [message.replace("253 characters", "253 bytes") for message in dns1123_subdomain(value)]


def anything(value: str) -> list[str]:
    """Kinds that leave names to what holds for every kind."""
    return []


#: `Strategy.name_rule` -> the rule
RULES: dict[str, NameRule] = {
    "subdomain": dns1123_subdomain,
    "label": dns1123_label,
    "label1035": dns1035_label,
    "path": path_segment_name,
    "any": anything,
    "long": long_name,
    "ip": ip,
}
