"""The centre and the right column: one photo, its verdict and why."""
