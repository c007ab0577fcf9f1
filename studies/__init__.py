"""One question in each file: points, evaluate, assemble, plot."""
