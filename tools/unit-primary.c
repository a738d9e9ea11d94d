/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a group serves: its replica devices exist, for the module shows them
 * only while they may be read and written. A group that is fenced loses them
 * before it loses anything else.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "../daemon/manager.h"
#include "unit.h"

static bool belongs(const char *attribute, const char *group)
{
        _cleanup_close_ int fd = open(attribute, O_RDONLY | O_CLOEXEC);
        char name[BLKREPL_NAME_MAX + 2] = {};
        ssize_t n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);

        if (n <= 0)
                return false;
        name[strcspn(name, "\n")] = 0;
        return streq(name, group);
}

static bool serves(const char *group)
{
        bool found = false;
        glob_t g = {};

        if (glob("/sys/block/blkrepl*/blkrepl/group", 0, NULL, &g) == 0)
                for (size_t i = 0; i < g.gl_pathc && !found; i++)
                        found = belongs(g.gl_pathv[i], group);
        globfree(&g);
        return found;
}

int unit_serves(const char *group)
{
        if (serves(group))
                return STATUS_OK;
        return unit_failure(-EBUSY, "The group %s does not serve here: it has no replica devices.", group);
}

/*
 * A device of the group came or went: blkrepl-primary@GROUP.service is made to
 * agree. It does not matter which event this is and in which order they are
 * handled, since each looks at how things are, one after the other.
 */
int unit_follow(const char *group)
{
        _cleanup_free_ char *unit = NULL;
        int fd;

        if (mkdir(RUNTIME_DIRECTORY, 0755) < 0 && errno != EEXIST)
                return unit_failure(-errno, "%s cannot be made: %m", RUNTIME_DIRECTORY);
        /* systemctl inherits the lock, and with it ends when systemd has taken the job. */
        fd = open(RUNTIME_DIRECTORY, O_RDONLY | O_DIRECTORY);
        if (fd < 0 || flock(fd, LOCK_EX) < 0)
                return unit_failure(-errno, "%s cannot be locked: %m", RUNTIME_DIRECTORY);
        if (asprintf(&unit, "blkrepl-primary@%s.service", group) < 0)
                return unit_failure(-ENOMEM, "Out of memory");
        execlp("systemctl", "systemctl", "--quiet", "--no-block", serves(group) ? "start" : "stop", unit, NULL);
        return unit_failure(-errno, "systemctl cannot be run: %m");
}
