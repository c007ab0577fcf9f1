"""Commands of the circuits: a module each, whose function ``command`` answers."""
