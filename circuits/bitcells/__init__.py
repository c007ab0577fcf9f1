"""One file for each bitcell; the file name is its name."""
