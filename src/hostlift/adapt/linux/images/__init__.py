# SPDX-License-Identifier: Apache-2.0
"""Kernels and their initramfs images: what is in them, and what can be added."""
