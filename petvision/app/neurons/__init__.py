"""The Neurons tab: what each filter of a layer answers to the photo in view."""
