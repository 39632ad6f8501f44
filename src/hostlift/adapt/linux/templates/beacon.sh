#!/bin/sh
# Written by hostlift: waits until the boot is over, says on the console what came up, and
# removes itself. Uses shell built-ins where it can: processes are dear in an emulated machine.
token=@TOKEN@
files='@FILES@'
inittab=/etc/inittab

console=/dev/console
[ -c /dev/ttyS0 ] && : >/dev/ttyS0 2>/dev/null && console=/dev/ttyS0

say() {
    printf '\r\nhostlift-beacon %s %s\r\n' "$token" "$*" >>$console
}

# Other inits than systemd start this when all else is started.
wait_for_boot() {
    left=120
    command -v systemctl >/dev/null || return
    while [ $left -gt 0 ]; do
        state=$(systemctl is-system-running 2>/dev/null)
        case $state in
        running | degraded | offline) return ;;
        esac
        sleep 2
        left=$((left - 2))
    done
}

# 0102000A, as the kernel writes it, is 10.0.2.1.
dotted() {
    rest=$1 out=
    while [ "$rest" ]; do
        out=$((0x${rest%"${rest#??}"}))${out:+.$out}
        rest=${rest#??}
    done
}

find_route() {
    route=
    while read -r card to by _ _ _ metric mask _; do
        case $to$mask:$by in *:00000000) continue ;; 0000000000000000:*) ;; *) continue ;; esac
        [ "$route" ] && [ "$metric" -ge "$least" ] && continue
        dotted "$by"
        route="$out $card" least=$metric
    done </proc/net/route
}

# The boot may be over before the network has answered; some networks have no way out.
wait_for_address() {
    left=60
    while [ $left -gt 0 ]; do
        addresses=$(hostname -I 2>/dev/null || ip -4 -o addr show scope global 2>/dev/null)
        find_route
        case $addresses in *.*.*.*)
            [ "$route" ] && return
            [ $left -gt 10 ] && left=10
            ;;
        esac
        sleep 2
        left=$((left - 2))
    done
}

say_addresses() {
    for word in $addresses; do
        case $word in
        *:*:*) say "ip=$word" ;;
        *.*.*.255 | *[!0-9./]*) ;;
        *.*.*.*) say "ip=${word%/*}" ;;
        esac
    done
    say "route=$route"
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
    {
        systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null
        rc-status --crashed 2>/dev/null
    } | while read -r unit _; do
        say "failed=$unit"
    done
}

# Those who can log in with a shell.
say_users() {
    users=0
    while IFS=: read -r _ _ _ _ _ _ shell || [ -n "$shell" ]; do
        case $shell in */nologin | */false | */true | */sync | */shutdown | */halt) ;;
        *) users=$((users + 1)) ;; esac
    done </etc/passwd
    say "users=$users"
}

say_packages() {
    if [ -f /var/lib/dpkg/status ]; then
        count=$(grep -c '^Status: install ok installed$' /var/lib/dpkg/status)
    elif [ -f /lib/apk/db/installed ]; then
        count=$(grep -c '^P:' /lib/apk/db/installed)
    elif [ -d /var/lib/pacman/local ]; then
        set -- /var/lib/pacman/local/*/desc
        count=$#
    else
        count=$(rpm -qa --qf '%{NAME}.%{ARCH}\n' 2>/dev/null | sort -u | wc -l)
    fi
    say "packages=$((count))"
}

remove_myself() {
    for file in $files; do
        rm -f "$file"
    done
    # Of a file that is not ours only our line goes.
    if [ -f $inittab ] && grep -q hostlift-beacon $inittab; then
        others=$(grep -v hostlift-beacon $inittab) && printf '%s\n' "$others" >$inittab
    fi
}

state=
wait_for_boot
wait_for_address
read -r name </proc/sys/kernel/hostname
read -r release </proc/sys/kernel/osrelease
machine=
[ -r /etc/machine-id ] && read -r machine </etc/machine-id

say begin
say "hostname=$name"
say "kernel=$release"
say "machine-id=$machine"
say "state=$state"
say_root
say_mounts
say_failed
say_listening
say_users
say_packages
say_addresses
say end
remove_myself
