"""What admission fills in and refuses: `policies` in CEL and webhooks, `quota`, `limit_range`, `pod_security`; `validation` of their
own objects."""
