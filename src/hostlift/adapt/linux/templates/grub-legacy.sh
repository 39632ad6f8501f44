#!/bin/sh
# Run in the copy, whose /dev is a private one: names for the disk's nodes, then GRUB's shell ($0).
while [ $# -gt 1 ]; do
    [ -e "$2" ] || ln -s "$1" "$2"
    shift 2
done
exec "$0" --batch --no-floppy --device-map=/dev/null
