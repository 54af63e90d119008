"""Fills memory of NVIDIA's GPUs in place, with the bits of every other backend; by the extra `cuda`, imported on first use.

A kernel is csrc/cuda/kernels.h around the arithmetic that the CPUs' kernels have, compiled for the device at hand by NVRTC.
It has been compiled for sm_75 to sm_100 and run by an emulator on CPUs (tests/cuda/), and not yet on a GPU.
"""
