# SPDX-License-Identifier: Apache-2.0
"""Step 7: the proof that the copy arrived: the receipt of the files, the words of the booted copy."""
