#!/bin/sh
# Written by hostlift: waits until the boot is over, says on the console what came up, and
# removes itself. Uses shell built-ins where it can: processes are dear in an emulated machine.
token=@TOKEN@
here=/etc/systemd/system

console=/dev/console
[ -c /dev/ttyS0 ] && : >/dev/ttyS0 2>/dev/null && console=/dev/ttyS0

say() {
    printf '\r\nhostlift-beacon %s %s\r\n' "$token" "$*" >$console
}

wait_for_boot() {
    left=120
    while [ $left -gt 0 ]; do
        state=$(systemctl is-system-running 2>/dev/null)
        case $state in
        running | degraded) return ;;
        esac
        sleep 2
        left=$((left - 2))
    done
}

# The boot may be over before the network has answered.
wait_for_address() {
    left=60
    while [ $left -gt 0 ] && command -v hostname >/dev/null; do
        addresses=$(hostname -I 2>/dev/null)
        case $addresses in *.*.*.*) return ;; esac
        sleep 2
        left=$((left - 2))
    done
}

say_mounts() {
    while read -r device place _ || [ -n "$device" ]; do
        case $device in '#'* | '') continue ;; esac
        case $place in /*) ;; *) continue ;; esac
        found=
        while read -r _ at _; do
            [ "$at" = "$place" ] && found=yes
        done </proc/mounts
        if [ "$found" ]; then say "mounts=$place"; else say "unmounted=$place"; fi
    done </etc/fstab
}

say_root() {
    while read -r device at kind _; do
        [ "$at" = / ] && root="$device" && root_kind="$kind"
    done </proc/mounts
    say "root=$root"
    say "root.kind=$root_kind"
}

# Ports that accept connections from elsewhere: state 0A, local address not loopback.
say_listening() {
    ports=" "
    for table in /proc/net/tcp /proc/net/tcp6; do
        [ -r $table ] || continue
        while read -r _ local _ state _; do
            [ "$state" = 0A ] || continue
            case $local in
            ??????7F:* | *FFFF0000??????7F:* | 00000000000000000000000001000000:*) continue ;;
            esac
            port=$((0x${local##*:}))
            case $ports in *" $port "*) continue ;; esac
            ports="$ports$port "
            say "listening=$port"
        done <$table
    done
}

say_failed() {
    systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null |
        while read -r unit _; do
            say "failed=$unit"
        done
}

wait_for_boot
wait_for_address
read -r name </proc/sys/kernel/hostname
read -r release </proc/sys/kernel/osrelease
read -r machine </etc/machine-id

say begin
say "hostname=$name"
say "kernel=$release"
say "machine-id=$machine"
say "state=$state"
say_root
say_mounts
say_failed
say_listening
for address in $addresses; do
    say "ip=$address"
done
say end

rm -f $here/multi-user.target.wants/hostlift-beacon.service \
    $here/hostlift-beacon.service $here/hostlift-beacon.sh
