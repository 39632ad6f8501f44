# SPDX-License-Identifier: Apache-2.0
"""Performance evidence: hostlift and tuned peers, paired in the same run; see README.md."""
