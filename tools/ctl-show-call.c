/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "ctl-show-call.h"

/* Words as a shell reads them. */
static void print_word(FILE *f, const char *s)
{
        static const char plain[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:+,=@%";

        if (*s && s[strspn(s, plain)] == 0) {
                fprintf(f, " %s", s);
                return;
        }
        fputs(" '", f);
        for (; *s; s++)
                if (*s == '\'')
                        fputs("'\\''", f);
                else
                        fputc(*s, f);
        fputc('\'', f);
}

static int print_basic(FILE *f, sd_bus_message *m, char type)
{
        union {
                int b;
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 'b':
                fprintf(f, " %s", v.b ? "true" : "false");
                return 0;
        case 'y':
                fprintf(f, " %" PRIu8, v.y);
                return 0;
        case 'n':
                fprintf(f, " %" PRIi16, v.n);
                return 0;
        case 'q':
                fprintf(f, " %" PRIu16, v.q);
                return 0;
        case 'i':
                fprintf(f, " %" PRIi32, v.i);
                return 0;
        case 'u':
                fprintf(f, " %" PRIu32, v.u);
                return 0;
        case 'x':
                fprintf(f, " %" PRIi64, v.x);
                return 0;
        case 't':
                fprintf(f, " %" PRIu64, v.t);
                return 0;
        case 'd':
                fprintf(f, " %g", v.d);
                return 0;
        case 's':
        case 'o':
        case 'g':
                print_word(f, v.s);
                return 0;
        default:
                return -EBADMSG;
        }
}

/* Counts the entries of the array at the read position by walking over them. */
static int count_entries(sd_bus_message *m, const char *contents)
{
        int n = 0, r;

        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                r = sd_bus_message_skip(m, contents);
                if (r < 0)
                        return r;
                n++;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_rewind(m, false);
        return r < 0 ? r : n;
}

/* busctl wants arrays as their length and their entries, variants as their type and their value. */
static int print_values(FILE *f, sd_bus_message *m)
{
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
                if (!strchr("arev", type)) {
                        r = print_basic(f, m, type);
                        if (r < 0)
                                return r;
                        continue;
                }

                r = sd_bus_message_enter_container(m, type, contents);
                if (r < 0)
                        return r;
                if (type == 'a') {
                        r = count_entries(m, contents);
                        if (r < 0)
                                return r;
                        fprintf(f, " %i", r);
                } else if (type == 'v')
                        print_word(f, contents);
                r = print_values(f, m);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

int show_call(sd_bus_message *call, uint64_t timeout_usec)
{
        /* Above every number that the connection has used for a message so far. */
        static uint64_t cookie = 1000000;
        const char *signature;
        int r;

        r = sd_bus_message_seal(call, cookie++, timeout_usec);
        if (r < 0)
                return r;
        r = sd_bus_message_rewind(call, true);
        if (r < 0)
                return r;

        fputs("+ busctl", stderr);
        if (opt.host)
                fprintf(stderr, " -H %s", opt.host);
        fprintf(stderr, " call %s %s %s %s", sd_bus_message_get_destination(call),
                sd_bus_message_get_path(call), sd_bus_message_get_interface(call),
                sd_bus_message_get_member(call));
        signature = sd_bus_message_get_signature(call, true);
        if (!isempty(signature)) {
                print_word(stderr, signature);
                r = print_values(stderr, call);
                if (r < 0)
                        return r;
        }
        fputc('\n', stderr);
        return sd_bus_message_rewind(call, true);
}
