"""Writes the compact model for circuit simulators, by tracing the very kernels that compute it here."""
