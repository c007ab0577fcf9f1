"""How cards are drawn: a file for each kind of card."""
