"""One short file per controller: gather, call the rule, apply."""
