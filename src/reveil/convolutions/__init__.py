"""Convolutions of an attack on a CPU, as compiled matrix products.

``serving`` says where they are used in place of PyTorch's; ``convolve`` is the layer; ``maps`` and
``points`` turn images into matrices, 3x3 convolutions with a quarter of the multiplications;
``products`` multiplies. ``kernels``, ``multiply`` and ``apart`` are compiled and need numba.
"""
