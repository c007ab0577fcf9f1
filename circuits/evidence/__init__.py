"""Published memories of oxide transistors, and what is known of each."""
