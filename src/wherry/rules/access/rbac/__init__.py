"""Role-based access control as pure rules: what a rule allows, whom a binding is about, what covers what, how roles add up."""
