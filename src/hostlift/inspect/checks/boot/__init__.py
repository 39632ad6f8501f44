# SPDX-License-Identifier: Apache-2.0
"""What stands between power-on and the root file system: firmware, loader, kernel, initramfs."""
