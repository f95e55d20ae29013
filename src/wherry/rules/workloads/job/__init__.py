"""The Job rules: which pods to create and delete, which ended pods to count, and when a Job is complete or has failed.

Called by `wherry.controllers.job`: `gather.gather` (whose pods are these), `view.View.of` (what there is), `plan.decide` (what to do),
`tally.tally` (what to write down before finalizers go), `tally.concluded` (what to write when they are gone). `ttl` is for
`wherry.controllers.ttl_after_finished`. Source of the rules: pkg/controller/job; KEP-2307 (counting with finalizers).
"""
