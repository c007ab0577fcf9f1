"""How far a cell is from failing: noise and write margins of cells with feedback, disturbs of those without, sensing."""
