/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of operations and states; it is the one by which the module decides. */
#include "ctl-bus.h"
#include "ctl-operations.h"
#include "ctl-print.h"
#include "ctl-value.h"
#include "operations.h"
#include "../kernel/names.h"

#define HEADING_MAX 16

static void add_string(json_object *o, const char *key, const char *value)
{
        json_object_object_add(o, key, json_object_new_string(value));
}

/* A row of the table; the states are members by their names. */
static json_object *operation_row(unsigned int type, unsigned int op)
{
        bool built = blkrepl_op_built(type, op), json = opt.json != JSON_OFF;
        const char *mark = json ? "" : !blkrepl_op_known(type, op) ? " ²" : !built ? " ¹" : "";
        json_object *row = json_object_new_object();
        char text[OPERATIONS_CELL_MAX];

        if (json)
                add_string(row, "SyncType", blkrepl_sync_type_name(type));
        json_object_object_add(row, "Number", json_object_new_uint64(op));
        snprintf(text, sizeof(text), "%s%s", blkrepl_operation_name(op), mark);
        add_string(row, "Operation", text);
        if (json)
                json_object_object_add(row, "CarriedOut", json_object_new_boolean(built));
        for (size_t i = 0; i < operations_nr_states(type); i++) {
                operations_cell(blkrepl_op_cell(type, op, operations_state[i]), text, sizeof(text));
                add_string(row, blkrepl_state_title(operations_state[i]), text);
        }
        return row;
}

static void print_signs(void)
{
        for (const struct operations_sign *s = operations_signs; s->sign; s++)
                printf("%s: %s\n", s->sign, s->meaning);
        puts("¹: the table has it, this version does not carry it out: NotSupported\n"
             "²: this kind of relationship never has it: NotSupported");
}

static int print_types(unsigned int first, unsigned int last)
{
        struct column columns[2 + OPERATIONS_NR_STATES + 1] = { { "Number", "NR" }, { "Operation", "OPERATION" } };
        _cleanup_json_ json_object *all = json_object_new_array();
        char headings[OPERATIONS_NR_STATES][HEADING_MAX];
        int r = STATUS_OK;

        /* With the beginning of the name, or the table is wider than most terminals. */
        for (size_t i = 0; i < OPERATIONS_NR_STATES; i++)
                snprintf(headings[i], HEADING_MAX, "%u %.4s", blkrepl_state_plain(operations_state[i]),
                         blkrepl_state_title(operations_state[i]));
        for (unsigned int type = first; r == STATUS_OK && type <= last; type++) {
                _cleanup_json_ json_object *rows = json_object_new_array();
                const size_t n = operations_nr_states(type);

                for (size_t i = 0; i < n; i++)
                        columns[2 + i] = (struct column){ blkrepl_state_title(operations_state[i]), headings[i] };
                columns[2 + n] = (struct column){};

                for (size_t k = 0; k < OPERATIONS_NR; k++) {
                        json_object *row = operation_row(type, operations_row[k]);

                        json_object_array_add(opt.json == JSON_OFF ? rows : all, row);
                }
                if (opt.json != JSON_OFF)
                        continue;
                if (opt.legend)
                        printf("%s%s (%u)\n", type == first ? "" : "\n", blkrepl_sync_type_name(type), type);
                r = print_table(rows, columns);
        }
        if (opt.json != JSON_OFF)
                print_json(all);
        else if (opt.legend) {
                putchar('\n');
                print_signs();
        }
        return r;
}

int verb_operations(const struct verb *verb _unused_, char **args)
{
        int type;

        if (!args[0])
                return print_types(BLKREPL_SYNC_MIRROR, BLKREPL_SYNC_CLONE);
        type = blkrepl_sync_type_parse(args[0]);
        if (type < 0)
                return usage_error("\"%s\" is no SyncType; known are Mirror, Snapshot and Clone", args[0]);
        return print_types((unsigned int)type, (unsigned int)type);
}

/*
 * The CopyState with what the table distinguishes beside it; negative for one of a
 * newer daemon.
 */
int table_state(json_object *properties)
{
        int state = blkrepl_copy_state_parse(member_string(properties, "CopyState"));
        const char *progress = member_string(properties, "ProgressStatus");

        if (state < 0)
                return state;
        if (streq(progress, blkrepl_state_title(BLKREPL_STATE_FAILING_BACK)))
                return state | (int)BLKREPL_STATE_FAILING_BACK;
        if (streq(progress, blkrepl_state_title(BLKREPL_STATE_RESTORING)))
                return state | (int)BLKREPL_STATE_RESTORING;
        return state;
}

/* "Unsynchronized, then Synchronized", "the relationship ends" */
static void describe_cell(struct blkrepl_cell c, char *buf, size_t size)
{
        if (c.flags & BLKREPL_CELL_REMOVE)
                snprintf(buf, size, "the relationship ends");
        else if (c.via)
                snprintf(buf, size, "%s, then %s", blkrepl_copy_state_name(c.via), blkrepl_copy_state_name(c.to));
        else
                snprintf(buf, size, "%s", c.to ? blkrepl_copy_state_name(c.to) : "the state stays");
}

/* The daemon says what is legal, for it knows more than the state; the table what follows. */
static json_object *legal_row(unsigned int type, unsigned int state, const char *word)
{
        size_t n = strcspn(word, "!");
        json_object *row = json_object_new_object();
        char name[64], text[OPERATIONS_CELL_MAX];
        int op;

        snprintf(name, sizeof(name), "%.*s", (int)n, word);
        op = blkrepl_operation_parse(name);
        json_object_object_add(row, "Number", json_object_new_int(op));
        add_string(row, "Operation", name);
        json_object_object_add(row, "NeedsForce", json_object_new_boolean(word[n] == '!'));
        describe_cell(blkrepl_op_cell(type, (unsigned int)op, state), text, sizeof(text));
        add_string(row, "Result", text);
        return row;
}

int verb_legal_operations(const struct verb *verb _unused_, char **args)
{
        static const struct column columns[] = {
                { "Number", "NR" },
                { "Operation", "OPERATION" },
                { "NeedsForce", "NEEDS-FORCE" },
                { "Result", "WHAT-FOLLOWS" },
                {}
        };
        _cleanup_json_ json_object *properties = NULL, *rows = json_object_new_array();
        _cleanup_free_ char *path = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        json_object *legal;
        int state, type, r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = resolve(bus, "GetRelationship", args[0], &path);
        if (r != STATUS_OK)
                return r;
        r = get_properties(bus, path, INTERFACE("Relationship"), args[0], &properties);
        if (r != STATUS_OK)
                return r;

        state = table_state(properties);
        type = blkrepl_sync_type_parse(member_string(properties, "SyncType"));
        legal = member_array(properties, "LegalOperations");
        for (size_t i = 0; legal && i < json_object_array_length(legal); i++)
                json_object_array_add(rows, legal_row((unsigned int)type, (unsigned int)state,
                                                      json_object_get_string(json_object_array_get_idx(legal, i))));
        if (opt.json == JSON_OFF && opt.legend)
                printf("%s is %s; what it can be given now:\n\n", args[0], member_string(properties, "CopyState"));
        return print_table(rows, columns);
}
