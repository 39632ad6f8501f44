# SPDX-License-Identifier: Apache-2.0
"""The user's wishes: user_config.json, flags and environment, validated once, then frozen."""
