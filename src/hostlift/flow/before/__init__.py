# SPDX-License-Identifier: Apache-2.0
"""What is known before anything is created: source, cloud, wishes, plan."""
