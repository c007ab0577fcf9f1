"""How parts of the circuits are drawn: a file for each kind of part."""
