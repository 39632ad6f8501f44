# SPDX-License-Identifier: Apache-2.0
"""The public images of the embedded cloud: built here, kept in the user's cache folder.

cache    where built images live; one builder at a time; all or nothing
rootfs   a Debian root tree, by mmdebstrap, in a mount namespace of its own
diskfile disk files without loop devices or mounts: partition table, ext4 from a tree, GRUB
stock    the one public image: a small Debian 12 that boots fast and runs its user data
"""
