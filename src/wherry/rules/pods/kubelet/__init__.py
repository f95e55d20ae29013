"""What a node says of its pods and itself, and what it does next, as pure rules. The node agent (`wherry.node`) carries them out."""
