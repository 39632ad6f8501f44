# SPDX-License-Identifier: Apache-2.0
"""VPCs, vSwitches, security groups and their rules."""
