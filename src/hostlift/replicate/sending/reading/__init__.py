# SPDX-License-Identifier: Apache-2.0
"""Reading small files into batches: here, or in a process of its own beside every stream."""
