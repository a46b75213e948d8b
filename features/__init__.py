"""What a shape sees in an image: geometry, crops and shape-indexed features."""
