"""How the pods of several machines reach each other, from what Nodes say."""
