/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include <systemd/sd-daemon.h>

#include "bus.h"

int main(int argc, char *argv[])
{
        _cleanup_(manager_freep) struct manager *m = NULL;
        int r;

        if (argc > 1) {
                if (streq(argv[1], "--version"))
                        return puts("blkrepld " BLKREPL_VERSION_STRING) < 0;
                fprintf(stderr, "blkrepld takes no arguments but --version; systemd starts it.\n");
                return 2;
        }
        r = manager_new(&m);
        if (r < 0) {
                log_error_errno(r, "The daemon cannot be set up: %m");
                return 1;
        }
        if (bus_connect(m) < 0 || manager_start(m) < 0)
                return 1;
        r = sd_event_loop(m->event);
        sd_notify(0, "STOPPING=1");
        if (r < 0) {
                log_error_errno(r, "The event loop failed: %m");
                return 1;
        }
        return 0;
}
