"""One transistor under temperature, hydrogen, bias and time."""
