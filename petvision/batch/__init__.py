"""Many photos: scanned, answered and kept in one store, from which everything else is made."""
