"""Dynamic admission as pure rules: which policies and webhooks a write meets, what they are asked, what their answers mean."""
