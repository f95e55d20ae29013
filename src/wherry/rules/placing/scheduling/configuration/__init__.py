"""KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): its text to the profiles of a scheduler. `read` is the way in.

Source of the rules: https://kubernetes.io/docs/reference/scheduling/config/, pkg/scheduler/apis/config (defaults, validation).
"""
