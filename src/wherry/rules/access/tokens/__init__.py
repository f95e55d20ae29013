"""Service account tokens as pure rules: what a token says, how long it is good, and who it makes its bearer."""
