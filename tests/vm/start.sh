# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a guest does once its image is mounted: file systems, cgroups and swap as ordered in the
# variables that vm.py writes above this, then the command, its status, power off.
export PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 PMTOP_GUEST=1
/usr/bin/busybox mount -t proc proc /proc
/usr/bin/busybox --install -s /usr/bin
mount -t sysfs sys /sys
mount -t securityfs security /sys/kernel/security
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
ip link set lo up

# The device of a port. Ports are told their names after they have come, when qemu gets to it.
port() {
	for _ in $(seq 600); do
		for entry in /sys/class/virtio-ports/*; do
			[ "$(cat "$entry/name" 2>/dev/null)" = "$1" ] && echo "/dev/${entry##*/}" && return
		done
		sleep 0.1
	done
	echo "guest: no port $1" >/dev/console
	poweroff -f
}

finish() {
	echo "$1" >"$status"
	exec poweroff -f
}

fail() {
	echo "guest: $*"
	finish 125
}

mount_cgroup() {
	mount -t tmpfs cgroup /sys/fs/cgroup
	case $CGROUP in
	v1)
		mkdir /sys/fs/cgroup/memory
		mount -t cgroup -o memory memory /sys/fs/cgroup/memory || fail "no cgroup v1 memory"
		;;
	v2)
		umount /sys/fs/cgroup
		mount -t cgroup2 cgroup /sys/fs/cgroup || fail "no cgroup v2"
		echo +memory >/sys/fs/cgroup/cgroup.subtree_control || fail "no cgroup v2 memory"
		;;
	esac
}

area() {
	mkswap "$1" >/dev/null || fail "mkswap $1"
	/usr/sbin/swapon -p "$2" "$1" || fail "swapon $1"
}

# Disks after the first (the image) are swap areas; zram first, since tests want its speed.
swap_on() {
	if [ "$ZRAM" -gt 0 ]; then
		echo "${ZRAM}M" >/sys/block/zram0/disksize || fail "zram takes no size"
		area /dev/zram0 100
	fi
	priority=50
	for disk in /dev/vd[b-z]; do
		[ -e "$disk" ] || continue
		area "$disk" $priority
		priority=$((priority - 1))
	done
}

# Nothing is made huge between two looks of a test, however long it takes: khugepaged sleeps.
calm() {
	for value in max_ptes_none=0 scan_sleep_millisecs=36000000; do
		file=/sys/kernel/mm/transparent_hugepage/khugepaged/${value%=*}
		[ ! -e "$file" ] || echo "${value#*=}" >"$file"
	done
}

status=$(port status)
echo up >"$status"
exec </dev/null >"$(port output)" 2>&1
mount_cgroup
swap_on
calm
cd /pmtop || fail "no /pmtop"
sh -c "$COMMAND"
finish $?
