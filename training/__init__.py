"""Training: from photos and a YAML file to a model file with its card."""
