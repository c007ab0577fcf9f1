"""From an oxide-transistor material and process to the accuracy and energy of a compute-in-memory chip."""

__version__ = "0.1.0"
