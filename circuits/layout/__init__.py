"""Layout of bitcells from stated design rules: footprint of every tier, checked, and drawn."""
