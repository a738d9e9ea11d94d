#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The product at work, for selftests/demo: a file system on a logical volume is put
# under protection in place, loses its copy, regains it, and both sides are compared.
# Lines that begin with "#" are commands as a user would type them. Every claim is
# checked; the first one that does not hold ends the demonstration.

. ./lib.sh

FILES_MB=1024
SOURCE=/dev/prod/data
REPLICA=/dev/blkrepl/data/data
COPY=/dev/vault/data-replica.data
DM_COPY=vault-data--replica.data
FILES=/srv/data
BIG=$FILES/generated/big
BLOCK=4096
OUTPUT=/run/demo-output

begin=$EPOCHREALTIME
figures=()

since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }
mib() { awk -v n="$1" 'BEGIN { printf "%.2f MiB", n / 1048576 }'; }
figure() { figures+=("$(printf '%-52s %s' "$1" "$2")"); }
step() { printf '\n== %s\n' "$1"; }

failed() {
	printf '\nFAILED: %s\n' "$1"
	blkreplctl status
	exit 1
}

# run COMMAND-LINE: shows it and runs it; what it prints is in $OUTPUT as well
run() {
	printf '# %s\n' "$1"
	eval "$1" 2>&1 | tee $OUTPUT
	[ "${PIPESTATUS[0]}" = 0 ] || failed "$1"
}

# holds CLAIM COMMAND...
holds() {
	local claim=$1 output

	shift
	output=$("$@" 2>&1) || failed "not so: $claim${output:+: $output}"
	printf '  checked: %s\n' "$claim"
}

property() {
	busctl -j get-property org.blkrepl1 "/org/blkrepl1/$1" "org.blkrepl1.$2" "$3" | jq -r .data
}

relationship() { property relationship/data Relationship "$1"; }
is_state() { same "$(relationship CopyState)" "$1"; }
at_least() { [ "$1" -ge "$2" ] || { echo "$1 is less than $2"; return 1; }; }

# within_fifth COPIED CHANGED: bytes copied are at most 1.2 times the bytes changed
within_fifth() { at_least $((12 * $2)) $((10 * $1)); }
used_mib() { df --block-size=1M --output=used "$FILES" | tail -n 1 | tr -d ' '; }

# fio_big OPTION...: generated contents in one large file
fio_big() { fio --name=big --filename="$BIG" --refill_buffers --eta=never --output=/dev/null "$@"; }

make_files() {
	cp -a /usr "$FILES/" && mkdir "$FILES/generated" &&
		fio_big --size=$((FILES_MB + 16 - $(used_mib)))M --rw=write --bs=1M --direct=1 \
			--ioengine=libaio --iodepth=4
}

# change NAME BLOCKS: a new tree, one that goes, and BLOCKS of 4 KiB in the large file
change() {
	cp -a /usr/sbin "$FILES/$1" && rm -r "$FILES/usr/lib/udev" && cp -a /usr/lib/udev "$FILES/usr/lib/" &&
		fio_big --rw=randwrite --bs=4k --number_ios="$2" --randseed="$2" --ioengine=psync
}

# differing_blocks: between the volume and its copy. The copy is read at its place on
# the disk, for this is also asked while the volume that it is on is lost.
differing_blocks() {
	local found

	dm_make peek "$copy_table" && found=$(identical $SOURCE /dev/mapper/peek)
	udevadm settle
	dm_remove peek && awk '/blocks differ/ { print $1 }' <<<"$found"
}

step "A file system with $FILES_MB MiB of files, in the volume group prod; vault is another one"
run "vgcreate -q prod $(disk d0) && vgcreate -q vault $(disk d1)"
run "lvcreate -q -y -L 1536M -n data prod"
run "mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 $SOURCE"
run "mkdir -p $FILES && mount $SOURCE $FILES"
make_files || failed "the files cannot be made"
run "df -h $FILES"
holds "there are $FILES_MB MiB of files" at_least "$(used_mib)" $FILES_MB
figure "files" "$(find $FILES -type f | wc -l) files, $(used_mib) MiB"
run "umount $FILES"
dd if=$SOURCE of="$(disk d2)" bs=1M oflag=direct iflag=direct status=none || failed "the volume cannot be put aside"
echo "  (the volume as it is now was put aside on a third disk)"
figure "made ready in" "$(since "$begin") s"

step "One call puts it under protection: a copy in vault, in the synchronous mode"
at=$EPOCHREALTIME
run "busctl call org.blkrepl1 /org/blkrepl1 org.blkrepl1.System CreateReplicationRelationship \\
    'sqqosaoa{sv}saoaoa{sv}uooa{sv}' data 6 2 / '' 1 /org/blkrepl1/volume/prod_2fdata 0 \\
    '' 0 1 /org/blkrepl1/pool/vault 0 0 / / 0"
job=$(grep -o 'job/_[0-9]*' $OUTPUT)
job=$(property "$job" Job Id)
echo "  (the same by blkreplctl: blkreplctl relationship create data --source prod/data --target-pool vault)"

step "The first copy"
run "blkreplctl job wait $job"
seconds=$(since "$at")
holds "it is synchronized" is_state Synchronized
figure "first copy" "$(mib "$(relationship CopyDone)") in $seconds s"
holds "no byte of the volume was changed by taking it over" \
	identical $SOURCE "$(disk d2)" "$(blockdev --getsize64 $SOURCE)"
copy_table=$(dmsetup table $DM_COPY)
holds "no block of the copy differs" same "$(differing_blocks)" 0
run "blkreplctl status"

step "The file system is mounted from the replica device, and written to"
run "mount $REPLICA $FILES"
run "lsblk -s -o NAME,TYPE,SIZE,MOUNTPOINTS $REPLICA"
change first 500 || failed "writing"
run "sync -f $FILES"
holds "every write is on both sides" same "$(differing_blocks)" 0
figure "bytes mirrored" "$(mib "$(relationship BytesMirrored)")"

step "The copy is lost: every request to its volume fails"
run "dmsetup suspend --noflush $DM_COPY"
run "dmsetup load $DM_COPY --table '0 $(sectors $COPY) error'"
run "dmsetup resume $DM_COPY"

step "Writes go on"
change second 1500 || failed "writing without the copy"
run "sync -f $FILES"
run "blkreplctl relationship wait data broken --timeout=30s"
run "blkreplctl status"
echo "  (the backlog is what may differ: all that was written lately, in parts of 4 MiB, since the"
echo "  copy may have lost what it had not flushed. It is compared, and copied where it differs.)"
differing=$(differing_blocks)
holds "the sides differ now" at_least "$differing" 1500
figure "changed while the copy was lost" "$differing blocks, $(mib $((differing * BLOCK)))"

step "It comes back, and what differs is copied"
at=$EPOCHREALTIME
run "dmsetup suspend --noflush $DM_COPY"
run "dmsetup load $DM_COPY --table '$copy_table'"
run "dmsetup resume $DM_COPY"
run "blkreplctl relationship wait data synchronized --timeout=2min"
seconds=$(since "$at")
copied=$(relationship CopyWritten)
ratio=$(awk -v a="$copied" -v b=$((differing * BLOCK)) 'BEGIN { printf "%.3f", a / b }')
holds "what was copied is at least what differed" at_least "$copied" $((differing * BLOCK))
holds "and at most 1.2 times that ($ratio)" within_fifth "$copied" $((differing * BLOCK))
figure "copied when it came back" "$(mib "$copied") in $seconds s, $ratio times what had changed"

step "Both sides, bit by bit, past the page cache"
run "umount $FILES"
holds "no block differs" identical $SOURCE $COPY
figure "compared" "$(($(blockdev --getsize64 $SOURCE) / BLOCK)) blocks on each side, 0 differ"

step "The protection ends; the copy is a volume of its own"
run "blkreplctl -v relationship detach data"
holds "there is no relationship any more" same "$(busctl -j call org.blkrepl1 /org/blkrepl1 \
	org.blkrepl1.System ListRelationships | jq '.data[0] | length')" 0
run "blkreplctl -v group delete data data-replica"
holds "the file system of the copy is in order" e2fsck -fn $COPY
run "mount $SOURCE $FILES"
holds "what was written while the copy was lost is there" diff -r --no-dereference /usr/sbin $FILES/second
run "umount $FILES"
run "lvs -o vg_name,lv_name,lv_size,lv_tags"
holds "nothing of the product is left in the volume groups" \
	same "$(lvs --noheadings -o vg_name,lv_name,lv_tags | xargs)" "prod data vault data-replica.data"
udevadm settle
vgremove -q -f prod vault >/dev/null || failed "the volume groups cannot be removed"

figure "the whole demonstration" "$(since "$begin") s"
printf '\n== Summary\n'
printf '%s\n' "${figures[@]}"
