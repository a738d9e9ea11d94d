# SPDX-License-Identifier: GPL-2.0
# In the guest: is the kernel as it should be? Functions print what they find
# wrong, a line each, and fail.
# shellcheck shell=bash

KERNEL_TROUBLE='WARNING:|BUG[: ]|Oops|general protection|[Kk]ernel panic'
KERNEL_TROUBLE+='|possible circular|possible recursive|inconsistent lock state'
KERNEL_TROUBLE+='|suspicious RCU|sleeping function called|blocked for more than|INFO: task'
KERNEL_TROUBLE+='|detected stalls|self-detected stall|soft lockup|workqueue lockup|refcount_t'
KERNEL_TROUBLE+='|KASAN|UBSAN|KCSAN|memory leak|leaked|Objects remaining in'
KERNEL_TROUBLE+='|Slab cache still has objects|Unable to handle|unable to handle'

# mark_kernel_log TEXT: what comes after is what the next check looks at
mark_kernel_log() {
	local mark

	mark="blkrepl-test: $1, uptime $(cut -d' ' -f1 /proc/uptime)"
	echo "$mark" >"$BLKREPL_RUN/kernel-log-mark"
	echo "<6>$mark" >/dev/kmsg
	: >"$BLKREPL_RUN/expected"
}

check_kernel_log() {
	local found

	found=$(dmesg | awk -v mark="$(<"$BLKREPL_RUN/kernel-log-mark")" \
			'seen; index($0, mark) { seen = 1 }' |
		grep -E "$KERNEL_TROUBLE" | grep -vE -f "$BLKREPL_RUN/expected")
	[ -z "$found" ] && return
	head -n 20 <<<"$found" | sed 's/^/# kernel log: /'
	return 1
}

# The module and the daemon go away without a trace.
unload_module() {
	local caches

	[ -d /sys/module/blkrepl ] || return 0
	if systemctl -q is-active blkrepld && ! timeout 60 systemctl stop blkrepld; then
		echo "# blkrepld does not stop"
		return 1
	fi
	if ! timeout 60 rmmod blkrepl; then
		echo "# the module does not unload: $(cat /sys/module/blkrepl/refcnt) users"
		return 1
	fi
	caches=$(find /sys/kernel/slab -maxdepth 1 -type d -name 'blkrepl*' -printf '%f ')
	[ -z "$caches" ] && return
	echo "# caches left behind: $caches"
	return 1
}

check_kernel() {
	local status=0

	unload_module || status=1
	check_kernel_log || status=1
	return $status
}
