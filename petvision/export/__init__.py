"""Models for other programs: written, opened again, and compared before they are kept."""
