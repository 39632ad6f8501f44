[ -e "/dev/mapper/luks-1" ]
