/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of operations and states; it is the one by which the module decides. */
#include "ctl-bus.h"
#include "ctl-operations.h"
#include "ctl-print.h"
#include "ctl-value.h"
#include "../kernel/names.h"
#include "../kernel/state.h"

#define CELL_MAX 64

/* Short headings, or the table is wider than most terminals. */
static const struct {
        enum blkrepl_copy_state state;
        const char *heading;
} states[] = {
        { BLKREPL_COPY_STATE_INITIALIZED, "INIT" },
        { BLKREPL_COPY_STATE_PREPARED, "PREP" },
        { BLKREPL_COPY_STATE_INACTIVE, "INACT" },
        { BLKREPL_COPY_STATE_UNSYNCHRONIZED, "UNSYNC" },
        { BLKREPL_COPY_STATE_SYNCHRONIZED, "SYNC" },
        { BLKREPL_COPY_STATE_SUSPENDED, "SUSP" },
        { BLKREPL_COPY_STATE_FRACTURED, "FRACT" },
        { BLKREPL_COPY_STATE_SPLIT, "SPLIT" },
        { BLKREPL_COPY_STATE_FAILEDOVER, "FAILOV" },
        { BLKREPL_COPY_STATE_ABORTED, "ABORT" },
        { BLKREPL_COPY_STATE_SKEWED, "SKEW" },
        { BLKREPL_COPY_STATE_BROKEN, "BROKEN" },
};

static const char legend[] =
        "A cell has the number of the state that results, a▸b through a to b. = nothing to do, – refused,\n"
        "F only with --force, L with --force if the target lags, C only if the target is consistent,\n"
        "R only while a copy is unfinished, K only to a consistent point that was kept, D drains first,\n"
        "' roles swapped, del the relationship ends, · the state is unchanged. Operations marked * are not\n"
        "carried out in this version.\n";

static const char *cell_text(struct blkrepl_cell c, char buf[static CELL_MAX])
{
        char via[8] = "", to[8] = "";

        if (c.flags & BLKREPL_CELL_KEPT)
                return "K";
        if (!(c.flags & BLKREPL_CELL_LEGAL))
                return "–";
        if (c.flags & BLKREPL_CELL_SAME)
                return "=";
        if (c.via)
                snprintf(via, sizeof(via), "%u▸", c.via);
        if (c.to)
                snprintf(to, sizeof(to), "%u", c.to);
        snprintf(buf, CELL_MAX, "%s%s%s%s%s%s%s%s%s", via, to,
                 c.flags & BLKREPL_CELL_REMOVE ? "del" : c.flags & BLKREPL_CELL_STAY ? "·" : "",
                 c.flags & BLKREPL_CELL_SWAP ? "'" : "",
                 c.flags & BLKREPL_CELL_FORCE ? " F" : "",
                 c.flags & BLKREPL_CELL_LAG ? " L" : "",
                 c.flags & BLKREPL_CELL_CONSISTENT ? " C" : "",
                 c.flags & BLKREPL_CELL_RUNNING ? " R" : "",
                 c.flags & BLKREPL_CELL_DRAIN ? " D" : "");
        return buf;
}

static int print_operations(void)
{
        static const char *const keys[] = { "Number", "Operation" };
        struct column columns[ELEMENTSOF(keys) + ELEMENTSOF(states) + 1] = {};
        _cleanup_json_ json_object *rows = json_object_new_array();
        char headings[ELEMENTSOF(states)][16];
        int r;

        columns[0] = (struct column){ keys[0], "NR" };
        columns[1] = (struct column){ keys[1], "OPERATION" };
        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                snprintf(headings[i], sizeof(headings[i]), "%u %s", states[i].state, states[i].heading);
                columns[2 + i] = (struct column){ blkrepl_copy_state_name(states[i].state), headings[i] };
        }

        for (unsigned int op = BLKREPL_OP_FIRST; op <= BLKREPL_OP_LAST; op++) {
                bool built = blkrepl_op_built(BLKREPL_SYNC_MIRROR, op);
                json_object *row = json_object_new_object();
                char name[64], buf[CELL_MAX];

                snprintf(name, sizeof(name), "%s%s", blkrepl_operation_name(op), built || opt.json != JSON_OFF ? "" : "*");
                json_object_object_add(row, keys[0], json_object_new_uint64(op));
                json_object_object_add(row, keys[1], json_object_new_string(name));
                if (opt.json != JSON_OFF)
                        json_object_object_add(row, "CarriedOut", json_object_new_boolean(built));
                for (size_t i = 0; i < ELEMENTSOF(states); i++)
                        json_object_object_add(row, columns[2 + i].key,
                                               json_object_new_string(cell_text(
                                                       blkrepl_op_cell(BLKREPL_SYNC_MIRROR, op, states[i].state), buf)));
                json_object_array_add(rows, row);
        }

        r = print_table(rows, columns);
        if (r == STATUS_OK && opt.json == JSON_OFF && opt.legend)
                printf("\n%s", legend);
        return r;
}

/* What can be done with one relationship now: the daemon knows more than its state. */
static int print_legal(const char *name)
{
        static const struct column columns[] = {
                { "Operation", "OPERATION" },
                { "NeedsForce", "NEEDS-FORCE" },
                {}
        };
        _cleanup_json_ json_object *properties = NULL, *rows = json_object_new_array();
        _cleanup_free_ char *path = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        json_object *legal;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = object_path("relationship", name, &path);
        if (r != STATUS_OK)
                return r;
        r = get_properties(bus, path, INTERFACE("Relationship"), name, &properties);
        if (r != STATUS_OK)
                return r;

        legal = member_array(properties, "LegalOperations");
        for (size_t i = 0; legal && i < json_object_array_length(legal); i++) {
                const char *s = json_object_get_string(json_object_array_get_idx(legal, i));
                size_t n = strcspn(s, "!");
                json_object *row = json_object_new_object();

                json_object_object_add(row, "Operation", json_object_new_string_len(s, (int)n));
                json_object_object_add(row, "NeedsForce", json_object_new_boolean(s[n] == '!'));
                json_object_array_add(rows, row);
        }
        if (opt.json == JSON_OFF && opt.legend)
                printf("%s is %s; what it can be given now:\n\n", name, member_string(properties, "CopyState"));
        return print_table(rows, columns);
}

int verb_operations(const struct verb *verb _unused_, char **args)
{
        return args[0] ? print_legal(args[0]) : print_operations();
}
