"""Why the network said so: one method a file, listed in the registry."""
