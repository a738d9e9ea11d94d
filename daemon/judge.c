/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "../kernel/names.h"
#include "judge.h"

/* Bytes that the source has written and the target lacks; of a source that is down, as it was last */
static uint64_t lacking(const struct relationship *q)
{
        return q->half[SIDE_SOURCE].known ? q->half[SIDE_SOURCE].kernel.bytes_dirty : 0;
}

unsigned int judge_state(const struct relationship *q)
{
        if (q->dissolved)
                return relationship_state(q) | BLKREPL_STATE_DISSOLVED;
        switch (q->kernel.progress_status) {
        case BLKREPL_PROGRESS_STATUS_FAILING_BACK:
                return relationship_state(q) | BLKREPL_STATE_FAILING_BACK;
        case BLKREPL_PROGRESS_STATUS_RESTORING:
                return relationship_state(q) | BLKREPL_STATE_RESTORING;
        default:
                return relationship_state(q);
        }
}

bool judge_half_restored(const struct relationship *q)
{
        return q->kernel.progress_status == BLKREPL_PROGRESS_STATUS_RESTORING && relationship_state(q) != BLKREPL_COPY_STATE_UNSYNCHRONIZED;
}

/* Bytes that only this side has and that the operation gives up, as far as it is known. */
static uint64_t lost_of(const struct relationship *q, unsigned int operation, enum side side)
{
        const struct half *source = q->half + SIDE_SOURCE, *target = q->half + SIDE_TARGET;
        unsigned int state = relationship_state(q);

        switch (operation) {
        case BLKREPL_OPERATION_FAILBACK:
                break;
        case BLKREPL_OPERATION_REVERSE_ROLES:
                if (state != BLKREPL_COPY_STATE_FAILEDOVER)
                        return side == SIDE_SOURCE ? lacking(q) : target->up ? target->kernel.bytes_dirty : 0;
                break;
        default:
                return 0;
        }
        /* What the old source wrote last was found when it was met. */
        if (side == SIDE_TARGET)
                return 0;
        return target->up && target->kernel.peer_bytes_dirty ? target->kernel.peer_bytes_dirty :
               source->known && !source->up ? source->kernel.bytes_dirty : 0;
}

static struct blkrepl_situation situation(const struct relationship *q, unsigned int operation, bool force)
{
        unsigned int state = relationship_state(q);

        return (struct blkrepl_situation){
                .force = force,
                .consistent = q->kernel.consistency_state != BLKREPL_CONSISTENCY_STATE_INCONSISTENT,
                .unordered = !q->kernel.consistency_enabled,
                .unfinished = q->kernel.consistency_state == BLKREPL_CONSISTENCY_STATE_INCONSISTENT || judge_half_restored(q),
                .first_copy = q->kernel.progress_status == BLKREPL_PROGRESS_STATUS_SYNCHRONIZING,
                .lags = lacking(q) > 0 || !q->half[SIDE_SOURCE].up || state == BLKREPL_COPY_STATE_BROKEN ||
                        state == BLKREPL_COPY_STATE_MIXED || state == BLKREPL_COPY_STATE_PARTITIONED,
                .unique = lost_of(q, operation, SIDE_SOURCE) > 0 || lost_of(q, operation, SIDE_TARGET) > 0,
        };
}

enum blkrepl_verdict judge(const struct relationship *q, unsigned int operation, bool force)
{
        struct blkrepl_situation s = situation(q, operation, force);

        return blkrepl_op_judge(q->sync_type, operation, judge_state(q), &s);
}

_printf_(3, 4)
static void append(char *buf, size_t size, const char *format, ...)
{
        size_t n = strlen(buf);
        va_list ap;

        va_start(ap, format);
        vsnprintf(buf + n, size - n, format, ap);
        va_end(ap);
}

static void append_recovery_point(const struct relationship *q, char *buf, size_t size)
{
        time_t t = q->kernel.recovery_point / USEC_PER_SEC;
        char text[32];
        struct tm tm;

        if (!q->kernel.recovery_point || !gmtime_r(&t, &tm)) {
                append(buf, size, "; it has no recovery point");
                return;
        }
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
        append(buf, size, "; its recovery point is %s, %llu seconds ago", text,
               (unsigned long long)(relationship_recovery_point_age(q) / USEC_PER_SEC));
}

static void explain(const struct relationship *q, unsigned int operation, enum blkrepl_verdict v, char *buf, size_t size)
{
        unsigned int state = relationship_state(q);

        blkrepl_op_explain(buf, size, q->sync_type, operation, judge_state(q), v);
        if (v == BLKREPL_VERDICT_NEEDS_FORCE) {
                if (!q->half[SIDE_SOURCE].up && operation == BLKREPL_OPERATION_FAILOVER)
                        append(buf, size, ": the group %s is down, so nobody knows what else it wrote", q->source->name);
                else if (q->half[SIDE_SOURCE].up)
                        append(buf, size, ": the target lacks %llu bytes%s", (unsigned long long)lacking(q),
                               state == BLKREPL_COPY_STATE_BROKEN ? ", or more" : "");
                if (state != BLKREPL_COPY_STATE_FAILEDOVER)
                        append_recovery_point(q, buf, size);
        }
        if (v == BLKREPL_VERDICT_LOSES) {
                const char *between = ":";

                for (enum side i = 0; i < N_SIDES; i++) {
                        uint64_t lost = lost_of(q, operation, i);

                        if (!lost)
                                continue;
                        append(buf, size, "%s %llu bytes that only the group %s has", between, (unsigned long long)lost, relationship_group(q, i)->name);
                        between = ",";
                }
        }
        append(buf, size, ".");
}

int judge_refuse(const struct relationship *q, unsigned int operation, enum blkrepl_verdict v, sd_bus_error *e)
{
        char sentence[1024];

        explain(q, operation, v, sentence, sizeof(sentence));
        return error_set(e, v == BLKREPL_VERDICT_NOT_SUPPORTED || v == BLKREPL_VERDICT_NOT_BUILT ? CODE_NOT_SUPPORTED : CODE_FAILED,
                         "%s", sentence);
}

void judge_explain_fault(const struct relationship *q, unsigned int operation, bool force, int error, const char *sentence, char *buf, size_t size)
{
        enum blkrepl_verdict v = judge(q, operation, force);
        struct blkrepl_cell c = blkrepl_op_cell(q->sync_type, operation, judge_state(q));

        if (error == -EPERM && !force && (c.flags & BLKREPL_CELL_UNIQUE))
                v = BLKREPL_VERDICT_LOSES;
        else if (error == -EPERM && !force && (c.flags & (BLKREPL_CELL_FORCE | BLKREPL_CELL_LAG)))
                v = BLKREPL_VERDICT_NEEDS_FORCE;
        else if (error != -EBUSY || v == BLKREPL_VERDICT_GO || v == BLKREPL_VERDICT_DONE) {
                snprintf(buf, size, "%s", sentence);
                return;
        }
        explain(q, operation, v, buf, size);
}

char **judge_list_legal(const struct relationship *q)
{
        char **l = calloc(1, sizeof(char *));

        for (unsigned int op = BLKREPL_OP_FIRST; l && q->up && op <= BLKREPL_OP_LAST; op++) {
                struct blkrepl_cell c = blkrepl_op_cell(q->sync_type, op, judge_state(q));

                if (!blkrepl_op_built(q->sync_type, op) || !(c.flags & BLKREPL_CELL_LEGAL) || (c.flags & BLKREPL_CELL_SAME))
                        continue;
                if (strv_extendf(&l, "%s%s", blkrepl_operation_name(op), c.flags & BLKREPL_CELL_FORCE ? "!" : "") < 0)
                        return strv_free(l);
        }
        return l;
}
