"""One door in for pictures: source, decode, Picture, Prepared and its Geometry."""
