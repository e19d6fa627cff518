"""Complex-valued networks that hide features behind a secret rotation (Xiang et al. 2020)."""
