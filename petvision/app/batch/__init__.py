"""The Batch tab: many photos as a table and a gallery that can be acted on."""
