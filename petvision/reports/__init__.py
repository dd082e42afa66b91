"""What lands on disk for a person."""
