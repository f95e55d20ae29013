"""The approval subresource of certificate signing requests: writes conditions, and nothing else.

Read by `views`. Who may approve is a matter of admission (`registry.admission.certificates`).
Source: pkg/registry/certificates/certificates/strategy.go (ApprovalStrategy).
"""

from __future__ import annotations

from dataclasses import replace

from wherry.rules.kinds.certificates import STRATEGIES, prepare_approval

STRATEGY = replace(STRATEGIES["CertificateSigningRequest.certificates.k8s.io"], prepare_update=prepare_approval)
