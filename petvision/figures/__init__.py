"""A result in, a picture out: pure matplotlib, no Qt, no torch."""
