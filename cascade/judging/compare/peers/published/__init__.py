"""Published networks whose authors' weight files are not ONNX: they become ONNX in memory."""
