/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * top: how far behind each relationship is, once a second.
 *
 * Rates and earlier ages are what was seen here; the daemon keeps neither.
 */
#include <langinfo.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>

#include <systemd/sd-event.h>

#include "ctl-bus.h"
#include "ctl-objective.h"
#include "ctl-print.h"
#include "ctl-top.h"
#include "ctl-value.h"

#define PERIOD_USEC USEC_PER_SEC
#define BAR_WIDTH 16
#define AGES_MAX 24
/* What stands above and below the rows on a terminal */
#define LINES_AROUND 4

#define HOME_AND_CLEAR "\033[H\033[J"
#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"

static const struct column columns[] = {
        { "Name", "RELATIONSHIP" },
        { "Mode", "MODE" },
        { "CopyState", "COPYSTATE" },
        { "Bar", "OBJECTIVE" },
        { "Age", "AGE" },
        { "BacklogBytes", "BACKLOG" },
        { "Rate", "RATE" },
        { "Trend", "LAST-AGES" },
        {}
};

/* What was seen of a relationship */
struct series {
        struct series *next;
        char uuid[UUID_TEXT_MAX];
        uint64_t age[AGES_MAX];         /* the oldest first */
        size_t n;
        uint64_t mirrored, when;        /* bytes until then; 0: nothing was seen */
        uint64_t rate;                  /* UINT64_MAX: not known yet */
};

struct top {
        sd_bus *bus;
        sd_event *event;
        struct series *series;
        struct termios termios;         /* as it was */
        bool screen;
        bool begun;
        int status;
};

static struct series *series_of(struct top *t, const char *uuid)
{
        struct series *s;

        for (s = t->series; s; s = s->next)
                if (streq(s->uuid, uuid))
                        return s;
        s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        snprintf(s->uuid, sizeof(s->uuid), "%s", uuid);
        s->next = t->series;
        t->series = s;
        return s;
}

static uint64_t now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static void series_add(struct series *s, json_object *o)
{
        uint64_t mirrored = member_u64(o, "BytesMirrored"), copied = member_u64(o, "Rate"), now = now_usec();

        if (s->n == AGES_MAX)
                memmove(s->age, s->age + 1, --s->n * sizeof(*s->age));
        s->age[s->n++] = member_u64(o, "RecoveryPointAge");

        /* The count begins anew with each connection. */
        s->rate = copied ? copied : !s->when || mirrored < s->mirrored || now == s->when ? UINT64_MAX :
                  (uint64_t)((double)(mirrored - s->mirrored) * USEC_PER_SEC / (double)(now - s->when));
        s->mirrored = mirrored;
        s->when = now;
}

static json_object *bar(uint64_t age, uint64_t objective)
{
        char text[BAR_WIDTH + 3] = "";
        double fraction = (double)age / (double)(objective * USEC_PER_SEC);

        if (objective && age != USEC_INFINITY) {
                memset(text, fraction > 1 ? '!' : '.', sizeof(text) - 1);
                for (int i = 0; fraction <= 1 && i < (int)(fraction * BAR_WIDTH + 0.5); i++)
                        text[i + 1] = '#';
                text[0] = '[';
                text[BAR_WIDTH + 1] = ']';
        }
        return json_object_new_string(text);
}

/* Full height is the objective; without one, the greatest age. An age that is not known is a gap. */
static json_object *trend(const struct series *s, uint64_t objective)
{
        static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
        static const char *const plain[] = { "_", ".", "-", "=", "+", "*", "#", "@" };
        const char *const *heights = streq(nl_langinfo(CODESET), "UTF-8") ? blocks : plain;
        char text[AGES_MAX * sizeof("▁")] = "";
        uint64_t top = objective * USEC_PER_SEC;

        for (size_t i = 0; !objective && i < s->n; i++)
                if (s->age[i] != USEC_INFINITY && s->age[i] > top)
                        top = s->age[i];
        for (size_t i = 0; i < s->n; i++) {
                double fraction = top ? (double)s->age[i] / (double)top : 0;

                strcat(text, s->age[i] == USEC_INFINITY ? " " : heights[fraction >= 1 ? ELEMENTSOF(blocks) - 1 :
                                                                        (size_t)(fraction * ELEMENTSOF(blocks))]);
        }
        return json_object_new_string(text);
}

static void add_text(json_object *row, json_object *o, const struct series *s)
{
        uint64_t objective = member_u64(o, "RecoveryPointObjective");
        char mode[FORMAT_MAX], age[2 * FORMAT_MAX];

        json_object_object_add(row, "Mode", json_object_new_string(objective_mode(o, mode)));
        json_object_object_add(row, "Bar", bar(member_u64(o, "RecoveryPointAge"), objective));
        json_object_object_add(row, "Age", json_object_new_string(objective_describe(o, age)));
        json_object_object_add(row, "Trend", trend(s, objective));
}

static json_object *row_of(json_object *o, const struct series *s)
{
        static const char *const keys[] = {
                "Name", "UUID", "Mode", "EffectiveMode", "CopyState", "RecoveryPointAge", "RecoveryPointObjective", "RpoState",
                "BacklogBytes", "BacklogWrites", "EstimatedCatchUp",
        };
        json_object *row = json_object_new_object(), *ages = json_object_new_array();

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                json_object *v = NULL;

                if (json_object_object_get_ex(o, keys[i], &v))
                        json_object_object_add(row, keys[i], json_object_get(v));
        }
        if (s->rate != UINT64_MAX)
                json_object_object_add(row, "Rate", json_object_new_uint64(s->rate));
        for (size_t i = 0; i < s->n; i++)
                json_object_array_add(ages, json_object_new_uint64(s->age[i]));
        json_object_object_add(row, "Ages", ages);
        if (opt.json == JSON_OFF)
                add_text(row, o, s);
        return row;
}

static size_t rows_that_fit(const struct top *t)
{
        struct winsize w;

        if (!t->screen || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_row <= LINES_AROUND)
                return SIZE_MAX;
        return w.ws_row - LINES_AROUND;
}

static int show(struct top *t, json_object *relationships)
{
        size_t n = relationships ? json_object_array_length(relationships) : 0, fit = rows_that_fit(t);
        _cleanup_json_ json_object *rows = json_object_new_array();
        time_t now = time(NULL);
        char clock[16];
        struct tm tm;
        int r;

        for (size_t i = 0; i < n; i++) {
                json_object *o = json_object_array_get_idx(relationships, i);
                struct series *s = series_of(t, member_string(o, "UUID"));

                if (!s)
                        return out_of_memory();
                series_add(s, o);
                if (i < fit)
                        json_object_array_add(rows, row_of(o, s));
        }
        if (t->screen)
                fputs(HOME_AND_CLEAR, stdout);
        else if (t->begun && opt.json == JSON_OFF)
                putchar('\n');
        t->begun = true;
        if (t->screen && opt.legend && localtime_r(&now, &tm) && strftime(clock, sizeof(clock), "%H:%M:%S", &tm) > 0)
                printf("%s  relationships: %zu  q ends it\n\n", clock, n);
        if (n == 0 && opt.json == JSON_OFF) {
                if (opt.legend)
                        puts("There are no relationships.");
                r = STATUS_OK;
        } else
                r = print_table(rows, columns);
        if (n > fit)
                printf("and %zu more\n", n - fit);
        fflush(stdout);
        return r;
}

static int look(struct top *t)
{
        _cleanup_json_ json_object *all = NULL;
        int r;

        r = describe(t->bus, &all);
        return r != STATUS_OK ? r : show(t, member_array(all, "Relationships"));
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct top *t = userdata;
        int r;

        t->status = look(t);
        if (t->status != STATUS_OK || opt.once)
                return sd_event_exit(t->event, 0);
        r = sd_event_source_set_time(source, usec + PERIOD_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_key(sd_event_source *source _unused_, int fd, uint32_t events _unused_, void *userdata)
{
        struct top *t = userdata;
        char key;

        if (read(fd, &key, 1) == 1 && key != 'q' && key != 'Q')
                return 0;
        return sd_event_exit(t->event, 0);
}

/* Keys are read as they come, and not shown. */
static int screen_open(struct top *t)
{
        struct termios raw;
        int r;

        if (opt.once || opt.json != JSON_OFF || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) ||
            tcgetattr(STDIN_FILENO, &t->termios) < 0)
                return 0;
        r = sd_event_add_io(t->event, NULL, STDIN_FILENO, EPOLLIN, on_key, t);
        if (r < 0)
                return r;
        raw = t->termios;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        fputs(HIDE_CURSOR, stdout);
        t->screen = true;
        return 0;
}

static void top_done(struct top *t)
{
        if (t->screen) {
                fputs(SHOW_CURSOR, stdout);
                fflush(stdout);
                tcsetattr(STDIN_FILENO, TCSANOW, &t->termios);
        }
        while (t->series) {
                struct series *s = t->series;

                t->series = s->next;
                free(s);
        }
        sd_event_unref(t->event);
        sd_bus_flush_close_unref(t->bus);
}

int verb_top(const struct verb *verb _unused_, char **args _unused_)
{
        _cleanup_(top_done) struct top t = {};
        sigset_t set;
        int r;

        r = bus_connect(&t.bus);
        if (r != STATUS_OK)
                return r;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        r = sd_event_new(&t.event);
        if (r >= 0)
                r = sd_event_add_signal(t.event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(t.event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_time_relative(t.event, NULL, CLOCK_MONOTONIC, 0, 0, on_time, &t);
        if (r >= 0)
                r = screen_open(&t);
        if (r >= 0)
                r = sd_event_loop(t.event);
        return r < 0 ? complain("top", NULL, r) : t.status;
}
