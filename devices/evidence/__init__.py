"""Published facts beside what the models predict."""
