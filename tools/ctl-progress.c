/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "ctl-format.h"
#include "ctl-progress.h"
#include "ctl-value.h"

/* Without a terminal there is a line for each phase and for each of so many percent. */
#define STEP_PERCENT 10
#define BAR_WIDTH 24

void progress_describe(uint64_t done, uint64_t total, uint64_t rate, char *buf, size_t size)
{
        char a[FORMAT_MAX], b[FORMAT_MAX];
        size_t n = 0;

        buf[0] = 0;
        if (total == 0)
                return;
        n += (size_t)snprintf(buf, size, "%s of %s", format_bytes(done, a), format_bytes(total, b));
        if (rate == 0)
                return;
        n += (size_t)snprintf(buf + n, size - n, "  %s/s", format_bytes(rate, a));
        if (done < total) {
                uint64_t seconds = (total - done + rate - 1) / rate;

                snprintf(buf + n, size - n, "  %s left", format_span(seconds * USEC_PER_SEC, a));
        }
}

/* Rewrites the line, if it has changed. */
static void show_line(struct progress *p, const char *phase, double fraction, const char *bytes)
{
        char bar[BAR_WIDTH + 1], line[sizeof(p->line)];

        for (int i = 0; i < BAR_WIDTH; i++)
                bar[i] = i < (int)(fraction * BAR_WIDTH) ? '#' : '.';
        bar[BAR_WIDTH] = 0;
        snprintf(line, sizeof(line), "%-10s [%s] %5.1f%%%s%s", phase, bar, floor(fraction * 1000) / 10, *bytes ? "  " : "", bytes);
        if (p->shown && streq(line, p->line))
                return;
        fprintf(stderr, "\r%s\033[K", line);
        memcpy(p->line, line, sizeof(line));
}

/* A line of its own for each phase and step. */
static void show_step(struct progress *p, const char *phase, double fraction, const char *bytes)
{
        int step = (int)(fraction * 100) / STEP_PERCENT;

        if (p->shown && step == p->step && streq(p->phase, phase))
                return;
        fprintf(stderr, "%s %.0f%%%s%s\n", phase, floor(fraction * 100), *bytes ? "  " : "", bytes);
        p->step = step;
        snprintf(p->phase, sizeof(p->phase), "%s", phase);
}

void progress_show(struct progress *p, json_object *job)
{
        const char *phase = member_string(job, "Phase");
        double fraction = fmin(fmax(member_double(job, "Progress"), 0), 1);
        char bytes[128];

        if (opt.quiet)
                return;
        progress_describe(member_u64(job, "BytesDone"), member_u64(job, "BytesTotal"), member_u64(job, "Rate"), bytes, sizeof(bytes));
        if (isatty(STDERR_FILENO))
                show_line(p, phase, fraction, bytes);
        else
                show_step(p, phase, fraction, bytes);
        p->shown = true;
}

void progress_end(struct progress *p)
{
        if (p->shown && isatty(STDERR_FILENO))
                fputc('\n', stderr);
        p->shown = false;
}
