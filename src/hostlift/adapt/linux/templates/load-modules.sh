#!/bin/sh
# Appended by hostlift: loads the drivers of the disks on ECS, in the order they need.
# initramfs-tools runs this file, dracut sources it: it must neither exit nor fail.
if [ "$1" != prereqs ]; then
    # shellcheck disable=SC2043 # the list is put in when the archive is made
    for module in @MODULES@; do
        /hostlift/insmod "$module" 2>/dev/null || insmod "$module" 2>/dev/null ||
            /bin/busybox insmod "$module" 2>/dev/null
    done
fi
:
