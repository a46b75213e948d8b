"""ONNX files, written from trained models."""
