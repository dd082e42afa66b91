"""The left column: the photos that are open."""
