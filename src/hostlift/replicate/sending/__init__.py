# SPDX-License-Identifier: Apache-2.0
"""The source's half of a pass: what changed, reading it, sending it, writing down what arrived."""
