"""What a run's store is made into: one file a form."""
