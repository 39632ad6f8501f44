# SPDX-License-Identifier: Apache-2.0
"""What hostlift asks of the world: narrow protocols, each with several implementations."""
