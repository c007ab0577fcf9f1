"""Cells, arrays and their periphery: from transistors to the macro that the architecture sees."""
