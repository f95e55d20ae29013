"""The CronJob rules: when the next Job is due, which one to make, which old ones to delete, and what the status says.

Called by `wherry.controllers.cronjob`: `history.too_old`, `status.observed`, `plan.decide`, then `status.started` for a Job that was made.
Source of the rules: pkg/controller/cronjob.
"""
