/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a block device is, and what uses it. */
#pragma once

#include <sys/types.h>

#include "util.h"

struct device_info {
        dev_t number;
        uint64_t size;
        bool read_only;
        bool replica;           /* it is itself a device of blkrepl.ko */
};

/* -ENOTBLK for anything but a block device. Does not keep it open. */
int device_get_info(const char *path, struct device_info *ret);

/*
 * Who uses the device, in words: "is mounted at /srv", "is held by dm-3
 * (vg-lv)". 0: nobody. 1: somebody.
 */
int device_get_holder(const char *path, dev_t number, char *buf, size_t size);

/* A name that stays the same over reboots; the path itself where there is none. */
char *device_stable_path(const char *path);

/* Overwrites the head of a device with zeroes; fails when it is in use. */
int device_wipe(const char *path, uint64_t size);
