/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "store.h"

#define APPLICATION_ID 0x424c4b52       /* "BLKR" */

struct store {
        sqlite3 *db;
};

/* What leads from each version of the schema to the next */
static const char *const migrations[] = {
        "CREATE TABLE groups ("
        " uuid TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role INTEGER NOT NULL, log_path TEXT NOT NULL,"
        " log_size INTEGER NOT NULL, log_made INTEGER NOT NULL) STRICT;"
        "CREATE TABLE members ("
        " group_uuid TEXT NOT NULL REFERENCES groups ON DELETE CASCADE, idx INTEGER NOT NULL, uuid TEXT NOT NULL UNIQUE,"
        " name TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, made INTEGER NOT NULL,"
        " PRIMARY KEY (group_uuid, idx), UNIQUE (group_uuid, name)) STRICT;"
        "CREATE TABLE relationships ("
        " uuid TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL UNIQUE REFERENCES groups,"
        " target TEXT NOT NULL UNIQUE REFERENCES groups, sync_type INTEGER NOT NULL, mode INTEGER NOT NULL,"
        " rpo INTEGER NOT NULL) STRICT;"
        "CREATE TABLE intents ("
        " relationship TEXT PRIMARY KEY REFERENCES relationships ON DELETE CASCADE, phase INTEGER NOT NULL,"
        " keep_source INTEGER NOT NULL) STRICT;",

        "CREATE TABLE operations ("
        " relationship TEXT PRIMARY KEY REFERENCES relationships ON DELETE CASCADE, operation INTEGER NOT NULL,"
        " state INTEGER NOT NULL, source TEXT NOT NULL, driver INTEGER NOT NULL, force INTEGER NOT NULL,"
        " hold_source_io INTEGER NOT NULL, keep_snapshot INTEGER NOT NULL, need_snapshot INTEGER NOT NULL,"
        " timeout_ms INTEGER NOT NULL, step INTEGER NOT NULL, begun INTEGER NOT NULL) STRICT;"
        "CREATE TABLE tombstones ("
        " group_uuid TEXT PRIMARY KEY REFERENCES groups ON DELETE CASCADE, relationship TEXT NOT NULL) STRICT;",

        "CREATE TABLE changes ("
        " group_uuid TEXT PRIMARY KEY REFERENCES groups ON DELETE CASCADE, kind INTEGER NOT NULL,"
        " remove_volumes INTEGER NOT NULL) STRICT;"
        "CREATE TABLE change_members ("
        " group_uuid TEXT NOT NULL REFERENCES changes ON DELETE CASCADE, side INTEGER NOT NULL, uuid TEXT NOT NULL,"
        " name TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, made INTEGER NOT NULL,"
        " PRIMARY KEY (group_uuid, side)) STRICT;",

        "CREATE TABLE moves ("
        " to_relationship TEXT PRIMARY KEY REFERENCES relationships ON DELETE CASCADE, from_relationship TEXT NOT NULL,"
        " operation INTEGER NOT NULL, n INTEGER NOT NULL) STRICT;"
        "CREATE TABLE move_members ("
        " to_relationship TEXT NOT NULL REFERENCES moves ON DELETE CASCADE, idx INTEGER NOT NULL, uuid TEXT NOT NULL,"
        " name TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, made INTEGER NOT NULL,"
        " PRIMARY KEY (to_relationship, idx)) STRICT;",

        "CREATE TABLE aspects ("
        " relationship TEXT PRIMARY KEY REFERENCES relationships ON DELETE CASCADE, point INTEGER NOT NULL,"
        " generation INTEGER NOT NULL, expires INTEGER NOT NULL, consistent INTEGER NOT NULL) STRICT;"
        "ALTER TABLE operations ADD COLUMN retention INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE operations ADD COLUMN name TEXT NOT NULL DEFAULT '';",

        "ALTER TABLE operations ADD COLUMN objective INTEGER NOT NULL DEFAULT 0;",
};
#define SCHEMA_VERSION ((int)ELEMENTSOF(migrations))

static int store_error(struct store *s, const char *what)
{
        int c = sqlite3_extended_errcode(s->db) & 0xff;

        log_error("The database: %s: %s", what, sqlite3_errmsg(s->db));
        return c == SQLITE_FULL ? -ENOSPC : c == SQLITE_NOMEM ? -ENOMEM : c == SQLITE_CONSTRAINT ? -EEXIST : -EIO;
}

static int execute(struct store *s, const char *sql)
{
        return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_error(s, sql);
}

/* One word for each parameter: 's' string, 'i' int64, 'u' UUID. */
static int prepare(struct store *s, sqlite3_stmt **ret, const char *sql, const char *types, va_list ap)
{
        sqlite3_stmt *st;
        int i = 1;

        if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
                return store_error(s, sql);
        for (; *types; types++, i++)
                if (*types == 's')
                        sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
                else if (*types == 'i')
                        sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
                else
                        sqlite3_bind_text(st, i, UUID_TEXT(va_arg(ap, sd_id128_t)), -1, SQLITE_TRANSIENT);
        *ret = st;
        return 0;
}

static int run(struct store *s, const char *sql, const char *types, ...)
{
        sqlite3_stmt *st = NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = prepare(s, &st, sql, types, ap);
        va_end(ap);
        if (r >= 0 && sqlite3_step(st) != SQLITE_DONE)
                r = store_error(s, sql);
        sqlite3_finalize(st);
        return r;
}

static int get_version(struct store *s, int *ret)
{
        sqlite3_stmt *st = NULL;
        int r = 0;

        if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
                r = store_error(s, "user_version");
        else
                *ret = sqlite3_column_int(st, 0);
        sqlite3_finalize(st);
        return r;
}

static int check(struct store *s)
{
        sqlite3_stmt *st = NULL;
        int r = 0;

        if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW ||
            !streq((const char *)sqlite3_column_text(st, 0), "ok"))
                r = -EUCLEAN;
        sqlite3_finalize(st);
        return r;
}

/* An older database is kept as it was, beside the new one. */
static int back_up(struct store *s, int version)
{
        const char *path = sqlite3_db_filename(s->db, "main");
        _cleanup_free_ char *copy = NULL;

        if (asprintf(&copy, "%s.version-%i", path, version) < 0)
                return -ENOMEM;
        if (unlink(copy) < 0 && errno != ENOENT)
                return -errno;
        log_info("The database is brought from version %i to %i; the old one is kept as %s.", version, SCHEMA_VERSION, copy);
        return run(s, "VACUUM INTO ?", "s", copy);
}

static int migrate(struct store *s, int version)
{
        char sql[96];
        int r;

        r = version > 0 ? back_up(s, version) : 0;
        if (r >= 0)
                r = store_begin(s);
        for (int i = version; r >= 0 && i < SCHEMA_VERSION; i++)
                r = execute(s, migrations[i]);
        snprintf(sql, sizeof(sql), "PRAGMA user_version=%i; PRAGMA application_id=%i;", SCHEMA_VERSION, APPLICATION_ID);
        if (r >= 0)
                r = execute(s, sql);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0)
                store_rollback(s);
        return r;
}

static int set_up(struct store *s)
{
        int version = 0, r;

        r = execute(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;");
        if (r >= 0)
                r = check(s);
        if (r >= 0)
                r = get_version(s, &version);
        if (r < 0)
                return r;
        if (version > SCHEMA_VERSION) {
                log_error("The database has version %i, this daemon knows up to %i; install the newer blkrepl again.", version, SCHEMA_VERSION);
                return -EOPNOTSUPP;
        }
        return version < SCHEMA_VERSION ? migrate(s, version) : 0;
}

static int open_once(const char *path, struct store **ret)
{
        struct store *s = calloc(1, sizeof(*s));
        mode_t mask = umask(0077);
        int r;

        if (!s)
                return -ENOMEM;
        r = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK ? 0 : -EIO;
        umask(mask);
        if (r >= 0) {
                sqlite3_busy_timeout(s->db, 5000);
                r = set_up(s);
        }
        if (r < 0) {
                store_close(s);
                return r;
        }
        *ret = s;
        return 0;
}

/* A database that is damaged is set aside: the log volumes tell most of it again. */
int store_open(const char *path, struct store **ret)
{
        _cleanup_free_ char *aside = NULL;
        int r = open_once(path, ret);

        if (r >= 0 || r == -EOPNOTSUPP || r == -ENOSPC || r == -ENOMEM || access(path, F_OK) < 0)
                return r;
        if (asprintf(&aside, "%s.damaged-%llu", path, (unsigned long long)(now_realtime() / USEC_PER_SEC)) < 0)
                return -ENOMEM;
        if (rename(path, aside) < 0)
                return -errno;
        log_warning("The database was damaged and is now %s; the groups are read from their log volumes.", aside);
        return open_once(path, ret);
}

int store_open_readonly(const char *path, struct store **ret)
{
        struct store *s = calloc(1, sizeof(*s));
        int version = 0, r;

        if (!s)
                return -ENOMEM;
        if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
                sqlite3_busy_timeout(s->db, 5000);
                r = get_version(s, &version);
        } else
                r = access(path, F_OK) < 0 ? -errno : -EIO;
        if (r >= 0 && version != SCHEMA_VERSION)
                r = -ESTALE;
        if (r < 0)
                store_close(s);
        else
                *ret = s;
        return r;
}

struct store *store_close(struct store *s)
{
        if (s) {
                sqlite3_close(s->db);
                free(s);
        }
        return NULL;
}

int store_begin(struct store *s)
{
        return execute(s, "BEGIN IMMEDIATE");
}

int store_commit(struct store *s)
{
        int r = execute(s, "COMMIT");

        if (r < 0)
                store_rollback(s);
        return r;
}

void store_rollback(struct store *s)
{
        if (!sqlite3_get_autocommit(s->db))
                sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Within a transaction of the caller's, or alone. */
int store_put_group(struct store *s, const struct group *g)
{
        int r;

        r = run(s, "INSERT INTO groups VALUES (?,?,?,?,?,?) ON CONFLICT (uuid) DO UPDATE SET name=excluded.name,"
                   " role=excluded.role, log_path=excluded.log_path, log_size=excluded.log_size,"
                   " log_made=excluded.log_made", "usisii",
                g->uuid, g->name, (int64_t)g->role, g->log_path, (int64_t)g->log_size, (int64_t)g->log_made);
        if (r >= 0)
                r = run(s, "DELETE FROM members WHERE group_uuid=?", "u", g->uuid);
        for (size_t i = 0; r >= 0 && i < g->n_members; i++) {
                const struct member *m = g->members + i;

                r = run(s, "INSERT INTO members VALUES (?,?,?,?,?,?,?)", "uiussii",
                        g->uuid, (int64_t)i, m->uuid, m->name, m->path, (int64_t)m->size, (int64_t)m->made);
        }
        return r;
}

int store_delete_group(struct store *s, sd_id128_t uuid)
{
        return run(s, "DELETE FROM groups WHERE uuid=?", "u", uuid);
}

int store_put_relationship(struct store *s, const struct relationship *q)
{
        return run(s, "INSERT INTO relationships VALUES (?,?,?,?,?,?,?) ON CONFLICT (uuid) DO UPDATE SET name=excluded.name,"
                   " source=excluded.source, target=excluded.target, sync_type=excluded.sync_type, mode=excluded.mode, rpo=excluded.rpo", "usuuiii",
                   q->uuid, q->name, q->source->uuid, q->target->uuid,
                   (int64_t)q->sync_type, (int64_t)q->mode, (int64_t)q->rpo);
}

int store_delete_relationship(struct store *s, sd_id128_t uuid)
{
        return run(s, "DELETE FROM relationships WHERE uuid=?", "u", uuid);
}

int store_put_aspect(struct store *s, const struct relationship *q)
{
        return run(s, "INSERT OR REPLACE INTO aspects VALUES (?,?,?,?,?)", "uiiii", q->uuid, (int64_t)q->aspect.point,
                   (int64_t)q->aspect.generation, (int64_t)q->aspect.expires, (int64_t)q->aspect.consistent);
}

int store_delete_aspect(struct store *s, sd_id128_t relationship)
{
        return run(s, "DELETE FROM aspects WHERE relationship=?", "u", relationship);
}

/* The column has its name from the time when only a source could be kept. */
int store_put_intent(struct store *s, sd_id128_t relationship, enum intent_phase phase, unsigned int keep)
{
        return run(s, "INSERT OR REPLACE INTO intents VALUES (?,?,?)", "uii", relationship, (int64_t)phase, (int64_t)keep);
}

int store_delete_intent(struct store *s, sd_id128_t relationship)
{
        return run(s, "DELETE FROM intents WHERE relationship=?", "u", relationship);
}

int store_put_operation(struct store *s, sd_id128_t relationship, const struct sequence_intent *i)
{
        return run(s, "INSERT OR REPLACE INTO operations VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", "uiiuiiiiiiiiisi",
                   relationship, (int64_t)i->operation, (int64_t)i->state, i->source, (int64_t)i->driver, (int64_t)i->force,
                   (int64_t)i->hold_source_io, (int64_t)i->keep_snapshot, (int64_t)i->need_snapshot,
                   (int64_t)i->timeout_ms, (int64_t)i->step, (int64_t)i->begun, (int64_t)i->retention, i->name,
                   (int64_t)i->objective);
}

int store_delete_operation(struct store *s, sd_id128_t relationship)
{
        return run(s, "DELETE FROM operations WHERE relationship=?", "u", relationship);
}

int store_put_tombstone(struct store *s, sd_id128_t group, sd_id128_t relationship)
{
        return run(s, "INSERT OR REPLACE INTO tombstones VALUES (?,?)", "uu", group, relationship);
}

int store_delete_tombstone(struct store *s, sd_id128_t group)
{
        return run(s, "DELETE FROM tombstones WHERE group_uuid=?", "u", group);
}

/* Within a transaction of the caller's, or alone. */
int store_put_change(struct store *s, sd_id128_t group, const struct change *c)
{
        int r;

        r = store_delete_change(s, group);
        if (r >= 0)
                r = run(s, "INSERT INTO changes VALUES (?,?,?)", "uii", group, (int64_t)c->kind, (int64_t)c->remove_volumes);
        for (size_t i = 0; r >= 0 && i < c->n_members; i++) {
                const struct member *m = c->members + i;

                r = run(s, "INSERT INTO change_members VALUES (?,?,?,?,?,?,?)", "uiussii",
                        group, (int64_t)i, m->uuid, m->name, m->path, (int64_t)m->size, (int64_t)m->made);
        }
        return r;
}

int store_delete_change(struct store *s, sd_id128_t group)
{
        return run(s, "DELETE FROM changes WHERE group_uuid=?", "u", group);
}

/* The members of the targets come after those of the sources. */
static int put_move_members(struct store *s, sd_id128_t to, const struct member *members, size_t first, size_t n)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = run(s, "INSERT INTO move_members VALUES (?,?,?,?,?,?,?)", "uiussii",
                        to, (int64_t)(first + i), members[i].uuid, members[i].name, members[i].path, (int64_t)members[i].size, (int64_t)members[i].made);
        return r;
}

int store_put_move(struct store *s, const struct move *mv)
{
        int r = run(s, "INSERT INTO moves VALUES (?,?,?,?)", "uuii", mv->to, mv->from, (int64_t)mv->operation, (int64_t)mv->n);

        if (r >= 0)
                r = put_move_members(s, mv->to, mv->source, 0, mv->n);
        return r < 0 ? r : put_move_members(s, mv->to, mv->target, mv->n, mv->n);
}

int store_delete_move(struct store *s, sd_id128_t to)
{
        return run(s, "DELETE FROM moves WHERE to_relationship=?", "u", to);
}

static const char *text(sqlite3_stmt *st, int i)
{
        return strempty((const char *)sqlite3_column_text(st, i));
}

static int each(struct store *s, const char *sql, int (*row)(sqlite3_stmt *st, void *userdata), void *userdata)
{
        sqlite3_stmt *st = NULL;
        int c, r = 0;

        if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
                return store_error(s, sql);
        while (r >= 0 && (c = sqlite3_step(st)) == SQLITE_ROW)
                r = row(st, userdata);
        if (r >= 0 && c != SQLITE_DONE)
                r = store_error(s, sql);
        sqlite3_finalize(st);
        return r;
}

static int load_group(sqlite3_stmt *st, void *userdata)
{
        struct manager *m = userdata;
        struct group *g;
        sd_id128_t uuid;

        if (uuid_from_text(text(st, 0), &uuid) < 0)
                return -EUCLEAN;
        g = group_new(m, uuid, text(st, 1), sqlite3_column_int(st, 2), sqlite3_column_int(st, 6));
        if (!g || copy_string(g->log_path, sizeof(g->log_path), text(st, 3)) < 0)
                return -ENOMEM;
        g->log_size = sqlite3_column_int64(st, 4);
        g->log_made = sqlite3_column_int(st, 5);
        return 0;
}

/* From the column of the UUID on */
static int read_member(sqlite3_stmt *st, struct member *m)
{
        if (uuid_from_text(text(st, 2), &m->uuid) < 0)
                return -EUCLEAN;
        if (copy_string(m->name, sizeof(m->name), text(st, 3)) < 0 || copy_string(m->path, sizeof(m->path), text(st, 4)) < 0)
                return -EUCLEAN;
        m->size = sqlite3_column_int64(st, 5);
        m->made = sqlite3_column_int(st, 6);
        return 0;
}

/* The group that the first column names; NULL: there is none */
static struct group *group_of_row(sqlite3_stmt *st, struct manager *m)
{
        sd_id128_t group;

        return uuid_from_text(text(st, 0), &group) < 0 ? NULL : group_by_uuid(m, group);
}

static int load_member(sqlite3_stmt *st, void *userdata)
{
        size_t i = sqlite3_column_int(st, 1);
        struct group *g = group_of_row(st, userdata);

        if (!g || i >= g->n_members)
                return -EUCLEAN;
        return read_member(st, g->members + i);
}

static int load_change(sqlite3_stmt *st, void *userdata)
{
        struct group *g = group_of_row(st, userdata);

        if (!g)
                return -EUCLEAN;
        g->change = calloc(1, sizeof(*g->change));
        if (!g->change)
                return -ENOMEM;
        g->change->kind = sqlite3_column_int(st, 1);
        g->change->remove_volumes = sqlite3_column_int(st, 2);
        return 0;
}

static int load_change_member(sqlite3_stmt *st, void *userdata)
{
        size_t i = sqlite3_column_int(st, 1);
        struct group *g = group_of_row(st, userdata);

        if (!g || !g->change || i >= ELEMENTSOF(g->change->members))
                return -EUCLEAN;
        g->change->n_members = i + 1;
        return read_member(st, g->change->members + i);
}

static int load_move(sqlite3_stmt *st, void *userdata)
{
        sd_id128_t to, from;

        if (uuid_from_text(text(st, 0), &to) < 0 || uuid_from_text(text(st, 1), &from) < 0 || sqlite3_column_int(st, 3) <= 0)
                return -EUCLEAN;
        return move_new(userdata, sqlite3_column_int(st, 2), to, from, sqlite3_column_int(st, 3)) ? 0 : -ENOMEM;
}

static int load_move_member(sqlite3_stmt *st, void *userdata)
{
        size_t i = sqlite3_column_int(st, 1);
        struct manager *m = userdata;
        sd_id128_t to;

        if (uuid_from_text(text(st, 0), &to) < 0)
                return -EUCLEAN;
        for (struct move *mv = m->moves; mv; mv = mv->next)
                if (sd_id128_equal(mv->to, to) && i < 2 * mv->n)
                        return read_member(st, i < mv->n ? mv->source + i : mv->target + i - mv->n);
        return -EUCLEAN;
}

static int load_relationship(sqlite3_stmt *st, void *userdata)
{
        struct manager *m = userdata;
        sd_id128_t uuid, source, target;
        struct relationship *q;

        if (uuid_from_text(text(st, 0), &uuid) < 0 || uuid_from_text(text(st, 2), &source) < 0 || uuid_from_text(text(st, 3), &target) < 0)
                return -EUCLEAN;
        if (!group_by_uuid(m, source) || !group_by_uuid(m, target))
                return -EUCLEAN;
        q = relationship_new(m, uuid, text(st, 1), group_by_uuid(m, source), group_by_uuid(m, target));
        if (!q)
                return -ENOMEM;
        q->sync_type = sqlite3_column_int(st, 4);
        q->mode = sqlite3_column_int(st, 5);
        q->rpo = sqlite3_column_int64(st, 6);
        return 0;
}

static int load_aspect(sqlite3_stmt *st, void *userdata)
{
        struct relationship *q;
        sd_id128_t uuid;

        if (uuid_from_text(text(st, 0), &uuid) < 0)
                return -EUCLEAN;
        q = relationship_by_uuid(userdata, uuid);
        if (!q)
                return -EUCLEAN;
        q->dissolved = true;
        q->aspect = (struct aspect){
                .point = sqlite3_column_int64(st, 1), .generation = sqlite3_column_int64(st, 2),
                .expires = sqlite3_column_int64(st, 3), .consistent = sqlite3_column_int(st, 4),
        };
        return 0;
}

static int load_tombstone(sqlite3_stmt *st, void *userdata)
{
        sd_id128_t group, relationship;
        struct group *g;

        if (uuid_from_text(text(st, 0), &group) < 0 || uuid_from_text(text(st, 1), &relationship) < 0)
                return -EUCLEAN;
        g = group_by_uuid(userdata, group);
        if (g)
                g->forget = relationship;
        return 0;
}

int store_load(struct store *s, struct manager *m)
{
        int r;

        r = each(s, "SELECT groups.*, (SELECT count(*) FROM members WHERE group_uuid=groups.uuid) FROM groups ORDER BY groups.rowid", load_group, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM members", load_member, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM relationships ORDER BY rowid", load_relationship, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM aspects", load_aspect, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM tombstones", load_tombstone, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM changes", load_change, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM change_members ORDER BY side", load_change_member, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM moves", load_move, m);
        if (r >= 0)
                r = each(s, "SELECT * FROM move_members", load_move_member, m);
        return r;
}

struct intents {
        store_intent_handler handler;
        void *userdata;
};

static int load_intent(sqlite3_stmt *st, void *userdata)
{
        struct intents *i = userdata;
        sd_id128_t uuid;

        if (uuid_from_text(text(st, 0), &uuid) < 0)
                return -EUCLEAN;
        return i->handler(uuid, sqlite3_column_int(st, 1), sqlite3_column_int(st, 2), i->userdata);
}

int store_each_intent(struct store *s, store_intent_handler handler, void *userdata)
{
        return each(s, "SELECT relationship, phase, keep_source FROM intents", load_intent, &(struct intents){ handler, userdata });
}

struct operations {
        store_operation_handler handler;
        void *userdata;
};

static int load_operation(sqlite3_stmt *st, void *userdata)
{
        struct sequence_intent i = {
                .operation = sqlite3_column_int(st, 1), .state = sqlite3_column_int(st, 2), .driver = sqlite3_column_int(st, 4),
                .force = sqlite3_column_int(st, 5), .hold_source_io = sqlite3_column_int(st, 6),
                .keep_snapshot = sqlite3_column_int(st, 7), .need_snapshot = sqlite3_column_int(st, 8),
                .timeout_ms = sqlite3_column_int64(st, 9), .step = sqlite3_column_int(st, 10), .begun = sqlite3_column_int(st, 11),
                .retention = sqlite3_column_int64(st, 12), .objective = sqlite3_column_int64(st, 14),
        };
        struct operations *o = userdata;
        sd_id128_t uuid;

        if (uuid_from_text(text(st, 0), &uuid) < 0 || uuid_from_text(text(st, 3), &i.source) < 0 || i.driver >= N_SIDES ||
            copy_string(i.name, sizeof(i.name), text(st, 13)) < 0)
                return -EUCLEAN;
        return o->handler(uuid, &i, o->userdata);
}

int store_each_operation(struct store *s, store_operation_handler handler, void *userdata)
{
        return each(s, "SELECT * FROM operations", load_operation, &(struct operations){ handler, userdata });
}
