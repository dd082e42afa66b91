"""What each filter of a layer answers to a photo, and what that is worth."""
