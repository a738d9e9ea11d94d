/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers as people read and write them. */
#pragma once

#include "ctl.h"

#define FORMAT_MAX 64

const char *format_bytes(uint64_t bytes, char buf[static FORMAT_MAX]);
const char *format_span(uint64_t usec, char buf[static FORMAT_MAX]);
const char *format_stamp(uint64_t usec, char buf[static FORMAT_MAX]);

/* "100M", "1.5G", with powers of 1024; "100MB/s" too: a rate is a size. */
int parse_size(const char *s, uint64_t *ret);
/* "5s", "200ms", "2min"; a bare number is seconds. */
int parse_span(const char *s, uint64_t *ret);
/* The same in whole seconds; what lies between is the next one. */
int parse_seconds(const char *s, uint32_t *ret);
int parse_boolean(const char *s);

/* "LegTimeoutUSec" → "leg-timeout-usec", with another character between for people; to be freed. */
char *format_key(const char *key, char between);
/* A property for people; what it measures follows from its name. Caller frees. */
char *format_property(const char *key, json_object *value);
/* Whether a property is a number, which stands on the right of its column. */
bool property_is_number(const char *key);
