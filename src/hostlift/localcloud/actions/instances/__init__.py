# SPDX-License-Identifier: Apache-2.0
"""Instance types, instances, their life."""
