"""Networks, model files, engines and their verdicts."""
