"""Admission: plug-ins, policies and webhooks, asked in two rounds (k8s.io/apiserver/pkg/admission)."""

from __future__ import annotations

from collections.abc import Awaitable

from wherry.registry.verbs.write import Write


def admit(write: Write) -> Awaitable[None]:
    """The first round: plug-ins may change the draft. Raises what one refuses with."""
    return write.core.admission.admit(write)


def validate_admission(write: Write) -> Awaitable[None]:
    """The second round: they only look. Raises what one refuses with."""
    return write.core.admission.validate(write)
