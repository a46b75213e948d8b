"""Copies of faces as they might have been photographed: turned, lit, covered, blurred."""
