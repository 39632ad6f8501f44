# SPDX-License-Identifier: Apache-2.0
"""hostlift moves a running server to Alibaba Cloud ECS and proves that it arrived."""

__version__ = "0.1.0"
