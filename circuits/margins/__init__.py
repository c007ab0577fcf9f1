"""How far a cell is from failing: noise and write margins, lowest supplies, disturbs, sensing."""
