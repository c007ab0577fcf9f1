"""Measured curves to a card with uncertainties."""
