#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The life of a mirror: first copy, writes to both sides, a lost target, its return.

. ./rig.sh


both_names() { ls -l /dev/blkrepl/data/m0 /dev/blkrepl/data/m1; }

plan 15

RIG_MEMBERS=2 RIG_MB=64
check "devices are there" rig_devices
fill /dev/mapper/s0 1
fill /dev/mapper/s1 2
before=$(sha256sum /dev/mapper/s0)
check "a group comes up" group_up --create
check "taking it over leaves the source as it was" same "$(sha256sum /dev/mapper/s0)" "$before"
check "its replica devices have names" both_names
check "a relationship is made" relate
check "the first copy ends" wait_state synchronized
check "both sides are the same" all_identical
check "writes go to the replica devices" write_some /dev/blkrepl/data/m0
check "and over the second member" write_some /dev/blkrepl/data/m1 --bs=64k --number_ios=200
check "both sides are the same after writes" all_identical

dm_to_error t0
write_some /dev/blkrepl/data/m1 --number_ios=100
write_some /dev/blkrepl/data/m0 --number_ios=500
check "a lost target breaks the relationship" wait_for 20 same_state Broken
dm_to_linear t0 "$(disk d1)"
check "its return is noticed and what differs is copied" wait_state synchronized
check "both sides are the same after the return" all_identical
check "the group goes down" group_down
group_up && connect && wait_state synchronized
check "and comes up again, synchronized" all_identical
rig_down
finish
