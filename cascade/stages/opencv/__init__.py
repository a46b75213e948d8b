"""Forests by the rules of OpenCV's FacemarkLBF."""
