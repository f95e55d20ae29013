"""The stages of a write, each a function of the `Write`; `verbs.pipeline` has them in order and says why each is there."""
