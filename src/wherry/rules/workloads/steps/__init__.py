"""Rollouts in steps on native objects: how far the new pods may go now, and by which fields of the object they are held there.

Called by `wherry.rollout.steps` (the command and the component of a cluster drive by the same rules) and by rehearsals. `spec` reads the
steps, `state` what stands on the object about them, `view` is one look, `deployment`, `stateful_set` and `daemon_set` say which fields hold
a share, `decide` which write comes next. Invariant: everything that a driver knows stands on the object, and each write leaves a state
that holds by the kind's own controller; so a driver may die between any two writes.
"""
