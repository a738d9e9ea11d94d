/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for a CopyState, for scripts and units. */
#include "ctl-bus.h"
#include "ctl-wait.h"
#include "../kernel/names.h"
#include "../kernel/state.h"

int verb_wait_state(const struct verb *verb _unused_, char **args)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t timeout = opt.timeout_usec == USEC_INFINITY ? 0 : opt.timeout_usec;
        const char *name = args[0], *word = args[1] ?: "synchronized";
        int state = blkrepl_copy_state_parse(word), r;
        _cleanup_free_ char *path = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;

        if (state < 0 || !blkrepl_state_valid((unsigned int)state))
                return usage_error("\"%s\" is no state that a mirror can be in", word);
        if (opt.timeout_usec == 0)
                return usage_error("--timeout needs more than 0");

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = object_path("relationship", name, &path);
        if (r != STATUS_OK)
                return r;
        r = call_new(bus, path, INTERFACE("Relationship"), "WaitState", &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_append(call, "qt", (uint16_t)state, timeout);
        if (r < 0)
                return append_failed(r);
        /* The daemon watches the clock. */
        r = sd_bus_call(bus, call, USEC_INFINITY, &error, &reply);
        return r < 0 ? complain(name, &error, r) : STATUS_OK;
}
