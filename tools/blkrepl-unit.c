/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blkrepl-unit: what the systemd units and the udev rule run.
 *
 * Everything here works without the daemon and without D-Bus, which are not
 * there yet when the first file systems are mounted, and not any more when the
 * last are unmounted. The daemon follows what the module tells.
 */
#include <stdarg.h>
#include <stdio.h>

#include "unit.h"

int unit_failure(int error, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return error_by_errno(error)->status;
}

static int hex(char c)
{
        const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c) : NULL;

        return p ? (int)(p - digits) : -1;
}

/*
 * The instance of a unit is the name as it is, but for characters that cannot be
 * in the name of a unit: systemd writes "+" as "\x2b". Hyphens stay.
 */
static int name_from_instance(const char *s, char name[static BLKREPL_NAME_MAX + 1])
{
        size_t n = 0;

        for (; *s; n++) {
                if (n >= BLKREPL_NAME_MAX)
                        return -ENAMETOOLONG;
                if (s[0] == '\\' && s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0) {
                        name[n] = (char)(hex(s[2]) << 4 | hex(s[3]));
                        s += 4;
                } else
                        name[n] = *s++;
        }
        name[n] = 0;
        return blkrepl_name_valid(name) ? 0 : -EINVAL;
}

static int down_all(_unused_ const char *name)
{
        return unit_down(NULL);
}

static int no_wait(_unused_ const char *name)
{
        return unit_no_wait();
}

static const struct verb {
        const char *name;
        bool with_name;
        int (*run)(const char *name);
} verbs[] = {
        { "up", true, unit_up },
        { "down", true, unit_down },
        { "down-all", false, down_all },
        { "wait-sync", true, unit_wait_sync },
        { "serves", true, unit_serves },
        { "follow", true, unit_follow },
        { "no-wait", false, no_wait },
};

int main(int argc, char **argv)
{
        char name[BLKREPL_NAME_MAX + 1] = {};

        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(verbs); i++) {
                if (!streq(verbs[i].name, argv[1]) || argc != 2 + verbs[i].with_name)
                        continue;
                if (verbs[i].with_name && name_from_instance(argv[2], name) < 0)
                        return unit_failure(-EINVAL, "\"%s\" cannot be a name.", argv[2]);
                return verbs[i].run(name);
        }
        fputs("The systemd units of blkrepl run this program; see blkrepl-units(7).\n", stderr);
        return STATUS_USAGE;
}
