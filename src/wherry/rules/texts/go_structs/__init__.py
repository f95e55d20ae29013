"""Objects as the reference shows them in messages: structures printed by Go."""
