/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doc-tables [--check] FILE…
 *
 * Fills in what the documentation has from the tables of the code: what stands
 * between a line with "begin NAME:" and the next one with "end NAME" is made
 * anew. With --check nothing is written; exits 1 when a file is stale.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "operations.h"
#include "../daemon/errors.h"
#include "../daemon/util.h"
#include "../kernel/names.h"

DEFINE_TRIVIAL_CLEANUP_FUNC(FILE *, fclose);

static void print_operations(FILE *f, unsigned int sync_type)
{
        const size_t n = operations_nr_states(sync_type);
        char text[OPERATIONS_CELL_MAX];

        fputs("| Operation |", f);
        for (size_t i = 0; i < n; i++)
                fprintf(f, " %u %s |", blkrepl_state_plain(operations_state[i]), blkrepl_state_title(operations_state[i]));
        fputs("\n|---|", f);
        for (size_t i = 0; i < n; i++)
                fputs("---|", f);
        for (size_t k = 0; k < OPERATIONS_NR; k++) {
                unsigned int op = operations_row[k];

                fprintf(f, "\n| %s %u%s |", blkrepl_operation_title(op), op,
                        !blkrepl_op_known(sync_type, op) ? " ²" : !blkrepl_op_built(sync_type, op) ? " ¹" : "");
                for (size_t i = 0; i < n; i++) {
                        operations_cell(blkrepl_op_cell(sync_type, op, operations_state[i]), text, sizeof(text));
                        fprintf(f, " %s |", text);
                }
        }
        fputc('\n', f);
}

static void print_mirror(FILE *f)
{
        print_operations(f, BLKREPL_SYNC_MIRROR);
}

static void print_snapshot(FILE *f)
{
        print_operations(f, BLKREPL_SYNC_SNAPSHOT);
}

static void print_clone(FILE *f)
{
        print_operations(f, BLKREPL_SYNC_CLONE);
}

/* Asterisks and bars mean something in Markdown. */
static void print_signs(FILE *f)
{
        fputs("| | |\n|---|---|\n", f);
        for (const struct operations_sign *s = operations_signs; s->sign; s++)
                fprintf(f, "| %s%s | %s |\n", streq(s->sign, "*") ? "\\" : "", s->sign, s->meaning);
        fputs("| ¹ | the table has the operation, this version does not carry it out: NotSupported |\n"
              "| ² | this kind of relationship never has it: NotSupported |\n", f);
}

static void print_errors(FILE *f)
{
        fputs("| exit status | error | code | |\n|---|---|---|---|\n", f);
        for (size_t i = 0; i < n_error_table; i++)
                fprintf(f, "| %u | %s | %u | %s |\n", error_table[i].status, error_table[i].symbol, error_table[i].code,
                        error_table[i].meaning);
}

/* As scdoc(5) has tables: the first cell of a row after "|" or "[", the others after ":". */
static void print_errors_for_manual(FILE *f)
{
        for (size_t i = 0; i < n_error_table; i++)
                fprintf(f, "%s *%u*\n%s %s (%u)\n%s %s\n", i ? "| " : "|[", error_table[i].status, i ? ": " : ":<",
                        error_table[i].symbol, error_table[i].code, i ? ": " : ":<", error_table[i].meaning);
        fputc('\n', f);
}

static const struct block {
        const char *name;
        void (*print)(FILE *f);
} blocks[] = {
        { "mirror", print_mirror },
        { "snapshot", print_snapshot },
        { "clone", print_clone },
        { "signs", print_signs },
        { "errors", print_errors },
        { "errors-for-manual", print_errors_for_manual },
};

/* The block that a line begins; "end NAME" in the line is what ends it. */
static const struct block *block_of_line(const char *line)
{
        const char *s = strstr(line, " begin ");

        for (size_t i = 0; s && i < ELEMENTSOF(blocks); i++) {
                size_t n = strlen(blocks[i].name);

                if (strncmp(s + 7, blocks[i].name, n) == 0 && s[7 + n] == ':')
                        return blocks + i;
        }
        return NULL;
}

static bool ends_block(const char *line, const struct block *block)
{
        const char *s = strstr(line, " end ");
        size_t n = strlen(block->name);

        return s && strncmp(s + 5, block->name, n) == 0 && strchr(" \n", s[5 + n]);
}

/* Counts the blocks; -EBADMSG when one has no end or there is none. */
static int fill(FILE *in, FILE *out, char **old)
{
        const struct block *block = NULL, *begins;
        _cleanup_free_ char *line = NULL;
        size_t room = 0, n = 0;
        _cleanup_(fclosep) FILE *copy = open_memstream(old, &n);
        int count = 0;

        if (!copy)
                return -ENOMEM;
        while (getline(&line, &room, in) >= 0) {
                fputs(line, copy);
                begins = block_of_line(line);
                if (begins && block)
                        return -EBADMSG;
                if (begins) {
                        fputs(line, out);
                        begins->print(out);
                        block = begins;
                        count++;
                        continue;
                }
                if (block && ends_block(line, block))
                        block = NULL;
                if (!block)
                        fputs(line, out);
        }
        return block || count == 0 ? -EBADMSG : count;
}

static int replace(const char *path, const char *text)
{
        _cleanup_free_ char *fresh = NULL;
        _cleanup_(fclosep) FILE *f = NULL;

        if (asprintf(&fresh, "%s.new", path) < 0)
                return -ENOMEM;
        f = fopen(fresh, "we");
        if (!f || fputs(text, f) < 0 || fflush(f) != 0)
                return -errno;
        return rename(fresh, path) < 0 ? -errno : 0;
}

static int process(const char *path, bool check)
{
        _cleanup_free_ char *old = NULL, *text = NULL;
        _cleanup_(fclosep) FILE *in = fopen(path, "re");
        FILE *out;
        size_t n;
        int r;

        if (!in)
                return -errno;
        out = open_memstream(&text, &n);
        if (!out)
                return -ENOMEM;
        r = fill(in, out, &old);
        if (fclose(out) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        if (streq(old, text))
                return 0;
        return check ? -ESTALE : replace(path, text);
}

int main(int argc, char **argv)
{
        bool check = argc > 1 && streq(argv[1], "--check");
        int first = check ? 2 : 1, bad = 0;

        if (argc <= first) {
                fputs("usage: doc-tables [--check] FILE…\n", stderr);
                return 2;
        }
        for (int i = first; i < argc; i++) {
                int r = process(argv[i], check);

                if (r == -ESTALE)
                        fprintf(stderr, "%s is stale; run: make docs\n", argv[i]);
                else if (r < 0)
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                bad |= r < 0;
        }
        return bad;
}
