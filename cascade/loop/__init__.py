"""The loop S(t+1) = S(t) + r_t(φ_t(I, S(t))), in training and in prediction."""
