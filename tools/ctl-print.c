/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libsmartcols/libsmartcols.h>

#include "ctl-format.h"
#include "ctl-print.h"
#include "ctl-value.h"

DEFINE_TRIVIAL_CLEANUP_FUNC(struct libscols_table *, scols_unref_table);

void print_json(json_object *o)
{
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

        if (opt.json == JSON_PRETTY)
                flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
        puts(json_object_to_json_string_ext(o, flags));
}

static int fill_line(struct libscols_line *line, json_object *row, const struct column *columns)
{
        size_t cell = 0;

        for (const struct column *c = columns; c->key; c++) {
                json_object *value = NULL;
                char *text;

                if (!c->heading)
                        continue;
                json_object_object_get_ex(row, c->key, &value);
                text = value ? format_property(c->key, value) : strdup("");
                if (!text || scols_line_refer_data(line, cell++, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_rows(struct libscols_table *table, struct libscols_line *parent, json_object *rows,
                    const struct column *columns)
{
        size_t n = json_object_array_length(rows);

        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(rows, i);
                struct libscols_line *line = scols_table_new_line(table, parent);
                json_object *children = member_array(row, "Children");

                if (!line || fill_line(line, row, columns) < 0)
                        return -ENOMEM;
                if (children && add_rows(table, line, children, columns) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static bool is_tree(json_object *rows)
{
        size_t n = json_object_array_length(rows);

        for (size_t i = 0; i < n; i++)
                if (member_array(json_object_array_get_idx(rows, i), "Children"))
                        return true;
        return false;
}

int print_table(json_object *rows, const struct column *columns)
{
        _cleanup_(scols_unref_tablep) struct libscols_table *table = NULL;
        bool tree = is_tree(rows), first = true;

        if (opt.json != JSON_OFF) {
                print_json(rows);
                return STATUS_OK;
        }

        table = scols_new_table();
        if (!table)
                return out_of_memory();
        scols_table_enable_noheadings(table, !opt.legend);
        if (!isatty(STDOUT_FILENO))
                scols_table_enable_nowrap(table, 1);
        for (const struct column *c = columns; c->key; c++) {
                int flags = property_is_number(c->key) ? SCOLS_FL_RIGHT : 0;

                if (!c->heading)
                        continue;
                if (tree && first)
                        flags |= SCOLS_FL_TREE;
                first = false;
                if (!scols_table_new_column(table, c->heading, 0, flags))
                        return out_of_memory();
        }
        if (add_rows(table, NULL, rows, columns) < 0)
                return out_of_memory();
        if (scols_print_table(table) < 0)
                return STATUS_ERROR;
        return STATUS_OK;
}

int print_list(json_object *rows, const struct column *columns, const char *what)
{
        _cleanup_json_ json_object *objects = json_object_new_array();
        size_t n = json_object_array_length(rows);

        if (n == 0 && opt.json == JSON_OFF) {
                if (opt.legend)
                        fprintf(stderr, "There are no %s.\n", what);
                return STATUS_OK;
        }
        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(rows, i), *o = json_object_new_object();

                for (size_t f = 0; columns[f].key; f++)
                        json_object_object_add(o, columns[f].key, json_object_get(json_object_array_get_idx(row, f)));
                json_object_array_add(objects, o);
        }
        return print_table(objects, columns);
}

int print_properties(json_object *o)
{
        int width = 0;

        if (opt.json != JSON_OFF) {
                print_json(o);
                return STATUS_OK;
        }
        json_object_object_foreach(o, k, unused) {
                (void)unused;
                if ((int)strlen(k) > width)
                        width = (int)strlen(k);
        }
        json_object_object_foreach(o, key, value) {
                _cleanup_free_ char *text = format_property(key, value);

                if (!text)
                        return out_of_memory();
                printf("%*s: %s\n", width, key, text);
        }
        return STATUS_OK;
}
