"""Hydrogen through the layers of a process: media, diffusion, sites, recipes, and what is not known of them."""
