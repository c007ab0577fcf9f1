"""What time, heat and bias do to a transistor: missions, traps, donors, lifetime."""
