/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, trees, property sheets and JSON, all from the same objects. */
#pragma once

#include "ctl.h"

struct column {
        const char *key;                /* the property; unnamed columns end a table */
        const char *heading;            /* NULL: only in JSON */
};

/* Rows as D-Bus structs whose fields are the columns; what is what to call them when there are none. */
int print_list(json_object *rows, const struct column *columns, const char *what);
/* Rows as objects. The member "Children", an array of such rows, makes a tree. */
int print_table(json_object *rows, const struct column *columns);
/* One object, a property a line. */
int print_properties(json_object *o);
/* Regardless of whether --json was given; not --json=off, which prints short. */
void print_json(json_object *o);
