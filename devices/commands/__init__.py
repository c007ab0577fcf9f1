"""Commands of the command line that work on transistors; a file is a command."""
