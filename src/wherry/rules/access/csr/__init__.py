"""Certificate signing requests as pure rules: which signer signs what, who is approved without asking, and what is cleaned up when."""
