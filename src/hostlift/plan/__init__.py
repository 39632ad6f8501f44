# SPDX-License-Identifier: Apache-2.0
"""Step 2, pure: from what was found and what is wished to what shall be done."""
