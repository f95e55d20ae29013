"""Paths inside volumes and containers: relative, and never going up.

Called by the rules of volumes, mounts, profiles and environment files.
Source: pkg/apis/core/validation validateLocalDescendingPath, validatePathNoBacksteps, ValidateLocalNonReservedPath.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, invalid
from wherry.api.objects import Obj

FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def no_backsteps(value: str, path: str) -> Errors:
    return [invalid(path, value, "must not contain '..'")] if ".." in value and ".." in value.split("/") else []


def descending(value: str, path: str) -> Errors:
    """Relative, without `..` as an element."""
    errors: Errors = [invalid(path, value, "must be a relative path")] if value.startswith("/") else []
    return errors + no_backsteps(value, path)


def not_reserved(value: str, path: str) -> Errors:
    """As `descending`, and not one of the names that start with two dots, which the kubelet keeps for itself."""
    if ".." not in value and not value.startswith("/"):
        return []
    errors = descending(value, path)
    if value.startswith("..") and not value.startswith("../"):
        errors.append(invalid(path, value, "must not start with '..'"))
    return errors


def file_mode(source: Obj, name: str, path: str) -> Errors:
    """The permissions that the field `name` says."""
    mode = source.get(name)
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(child(path, name), mode, FILE_MODE)]
