"""Annotated faces: readers and writers, landmark schemes, augmentation, detectors and metrics."""
