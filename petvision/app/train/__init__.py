"""The Train tab: from a folder of photos to a model and its report. Training is a child process."""
