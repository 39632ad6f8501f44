[ -e "/dev/disk/by-id/md-uuid-aaaa:bbbb" ]
