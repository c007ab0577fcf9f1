"""How nominally equal transistors differ, and how rarely one fails."""
