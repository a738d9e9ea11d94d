/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blkrepl-setup: the module's netlink commands, one by one. The daemon does
 * not use it; tests and people who repair things by hand do.
 */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <json-c/json.h>

#include "../daemon/errors.h"
#include "../daemon/netlink.h"

static bool arg_create, arg_force, arg_json;
static uint64_t arg_timeout = UINT64_MAX;       /* seconds or, for relationship-op, milliseconds */

static int usage_error(const char *format, ...) _printf_(1, 2);
static int usage_error(const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        fputs("blkrepl-setup: ", stderr);
        vfprintf(stderr, format, ap);
        fputs("\nTry 'blkrepl-setup --help'.\n", stderr);
        va_end(ap);
        return STATUS_USAGE;
}

static int failure(int error, const char *sentence)
{
        if (error == -EPROTONOSUPPORT)
                sentence = "The kernel module is not loaded; run 'modprobe blkrepl'.";
        fprintf(stderr, "blkrepl-setup: %s\n", sentence);
        return error_by_errno(error)->status;
}

static int transact(const struct netlink_request *q)
{
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        struct netlink_fault fault;
        int r;

        r = netlink_open(&nl);
        if (r < 0)
                return failure(r, strerror(-r));
        r = netlink_call(nl, q, &fault);
        if (r < 0)
                return failure(r, fault.message);
        return STATUS_OK;
}

/* INDEX:UUID:NAME:PATH */
static int parse_device(const char *text, struct kernel_device *d)
{
        static const char *const keys[] = { "index", "uuid", "name", "path" };
        _cleanup_free_ char *copy = strdup(text);
        char *p = copy;

        if (!copy)
                return -ENOMEM;
        *d = (struct kernel_device){};
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                char *word = i + 1 < ELEMENTSOF(keys) ? strsep(&p, ":") : p;

                if (!word)
                        return -EINVAL;
                if (field_set(field_find(&device_table, keys[i]), d, word) < 0)
                        return -EINVAL;
        }
        return 0;
}

/* Words that are devices become the list; "key=value" goes into the object. */
static int parse_words(const struct field_table *table, char **words, int n, void *object,
                       struct kernel_device **ret_devices, size_t *ret_n)
{
        struct kernel_device *devices = calloc(n + 1, sizeof(*devices));
        size_t n_devices = 0;

        if (!devices)
                return failure(-ENOMEM, "Out of memory");
        *ret_devices = devices;
        for (int i = 0; i < n; i++) {
                char *value = strchr(words[i], '=');
                const struct field *f;

                if (parse_device(words[i], devices + n_devices) >= 0) {
                        n_devices++;
                        continue;
                }
                if (!value)
                        return usage_error("'%s' is neither INDEX:UUID:NAME:PATH nor KEY=VALUE", words[i]);
                *value++ = 0;
                f = field_find(table, words[i]);
                if (!f)
                        return usage_error("unknown key '%s'", words[i]);
                if (field_set(f, object, value) < 0)
                        return usage_error("'%s' is no value for %s", value, words[i]);
        }
        *ret_n = n_devices;
        return STATUS_OK;
}

static int set_field(const struct field_table *table, void *object, const char *key, const char *value)
{
        if (field_set(field_find(table, key), object, value) < 0)
                return usage_error("'%s' is no value for %s", value, key);
        return STATUS_OK;
}

static void set_flags(struct kernel_relationship *q)
{
        if (arg_force)
                field_set(field_find(&relationship_table, "force"), q, "1");
        if (arg_timeout != UINT64_MAX) {
                q->timeout_ms = arg_timeout;
                q->present |= PRESENT(RELATIONSHIP_TIMEOUT_MS);
        }
}

static int verb_group_new(int argc, char **argv)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        struct kernel_group g = {};
        size_t n = 0;
        int r;

        if ((r = set_field(&group_table, &g, "uuid", argv[1])) ||
            (r = set_field(&group_table, &g, "name", argv[2])) ||
            (r = set_field(&group_table, &g, "log_path", argv[3])) ||
            (r = parse_words(&group_table, argv + 4, argc - 4, &g, &devices, &n)))
                return r;
        if (arg_create)
                field_set(field_find(&group_table, "create"), &g, "1");
        if (arg_force)
                field_set(field_find(&group_table, "force"), &g, "1");
        return transact(&(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_NEW, .table = &group_table, .object = &g,
                .devices = devices, .n_devices = n });
}

static int verb_group_del(_unused_ int argc, char **argv)
{
        struct kernel_group g = {};
        int r = set_field(&group_table, &g, "uuid", argv[1]);

        if (arg_force)
                field_set(field_find(&group_table, "force"), &g, "1");
        return r ?: transact(&(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_DEL, .table = &group_table, .object = &g });
}

static int verb_member_resize(_unused_ int argc, char **argv)
{
        struct kernel_member m = {};
        int r = set_field(&member_table, &m, "group_uuid", argv[1]) ?:
                set_field(&member_table, &m, "index", argv[2]);

        return r ?: transact(&(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_RESIZE, .table = &member_table, .object = &m });
}

static int verb_member_add(int argc, char **argv)
{
        struct kernel_device devices[2];
        struct kernel_group g = {};
        int r = set_field(&group_table, &g, "uuid", argv[1]);

        for (int i = 2; !r && i < argc; i++)
                if (parse_device(argv[i], devices + i - 2) < 0)
                        r = usage_error("'%s' is not INDEX:UUID:NAME:PATH", argv[i]);
        return r ?: transact(&(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_ADD, .table = &group_table, .object = &g,
                .devices = devices, .n_devices = argc - 2 });
}

/* The pairs go from the first group to the second. */
static int verb_pairs_move(int argc, char **argv)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        struct kernel_group g = {};
        size_t n = 0;
        int r;

        if ((r = set_field(&group_table, &g, "uuid", argv[1])) ||
            (r = set_field(&group_table, &g, "to", argv[2])) ||
            (r = parse_words(&group_table, argv + 3, argc - 3, &g, &devices, &n)))
                return r;
        return transact(&(struct netlink_request){
                .command = BLKREPL_CMD_PAIRS_MOVE, .table = &group_table, .object = &g,
                .devices = devices, .n_devices = n });
}

static int verb_member_remove(_unused_ int argc, char **argv)
{
        struct kernel_member m = {};
        int r = set_field(&member_table, &m, "group_uuid", argv[1]) ?:
                set_field(&member_table, &m, "uuid", argv[2]);

        return r ?: transact(&(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_REMOVE, .table = &member_table, .object = &m });
}

static int verb_group_rename(_unused_ int argc, char **argv)
{
        struct kernel_group g = {};
        int r = set_field(&group_table, &g, "uuid", argv[1]) ?:
                set_field(&group_table, &g, "name", argv[2]);

        if (arg_force)
                field_set(field_find(&group_table, "force"), &g, "1");
        return r ?: transact(&(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_RENAME, .table = &group_table, .object = &g });
}

static int verb_member_rename(_unused_ int argc, char **argv)
{
        struct kernel_member m = {};
        int r = set_field(&member_table, &m, "group_uuid", argv[1]) ?:
                set_field(&member_table, &m, "uuid", argv[2]) ?:
                set_field(&member_table, &m, "name", argv[3]);

        if (arg_force)
                field_set(field_find(&member_table, "force"), &m, "1");
        return r ?: transact(&(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_RENAME, .table = &member_table, .object = &m });
}

/* UUID, then KEY=VALUE and devices */
static int relationship_command(uint8_t command, int argc, char **argv)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        struct kernel_relationship q = {};
        size_t n = 0;
        int r;

        if ((r = set_field(&relationship_table, &q, "uuid", argv[1])) ||
            (r = parse_words(&relationship_table, argv + 2, argc - 2, &q, &devices, &n)))
                return r;
        set_flags(&q);
        return transact(&(struct netlink_request){
                .command = command, .table = &relationship_table, .object = &q,
                .devices = devices, .n_devices = n });
}

static int verb_relationship_new(int argc, char **argv)
{
        return relationship_command(BLKREPL_CMD_RELATIONSHIP_NEW, argc, argv);
}

static int verb_relationship_connect(int argc, char **argv)
{
        return relationship_command(BLKREPL_CMD_RELATIONSHIP_CONNECT, argc, argv);
}

static int verb_relationship_disconnect(int argc, char **argv)
{
        return relationship_command(BLKREPL_CMD_RELATIONSHIP_DISCONNECT, argc, argv);
}

static int verb_relationship_set(int argc, char **argv)
{
        return relationship_command(BLKREPL_CMD_RELATIONSHIP_SET, argc, argv);
}

static int verb_relationship_op(int argc, char **argv)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        struct kernel_relationship q = {};
        size_t n = 0;
        int r = set_field(&relationship_table, &q, "uuid", argv[1]) ?:
                set_field(&relationship_table, &q, "operation", argv[2]) ?:
                parse_words(&relationship_table, argv + 3, argc - 3, &q, &devices, &n);

        if (!r && n)
                r = usage_error("an operation takes no devices");
        set_flags(&q);
        return r ?: transact(&(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_OP, .table = &relationship_table, .object = &q });
}

/* Output */

static json_object *object_to_json(const struct field_table *table, const void *object)
{
        json_object *j = json_object_new_object();
        char buf[UUID_TEXT_MAX];

        for (size_t i = 0; i < table->n_fields; i++) {
                const struct field *f = table->fields + i;
                bool text = f->name || f->kind == FIELD_STRING || f->kind == FIELD_UUID;

                if (!(*(const field_mask *)object & FIELD_BIT(f->attribute)))
                        continue;
                json_object_object_add(j, f->key, text ?
                        json_object_new_string(field_text(f, object, buf, sizeof(buf))) :
                        json_object_new_uint64(field_number(f, object)));
        }
        return j;
}

static void print_object(const struct field_table *table, const void *object, const char *head, const char *separator)
{
        char buf[UUID_TEXT_MAX];

        fputs(head, stdout);
        for (size_t i = 0; i < table->n_fields; i++) {
                const struct field *f = table->fields + i;

                if (*(const field_mask *)object & FIELD_BIT(f->attribute))
                        printf("%s%s:%s", separator, f->key, field_text(f, object, buf, sizeof(buf)));
        }
        fputs("\n", stdout);
}

struct collector {
        const struct field_table *table;
        json_object *list;
};

static int collect(const void *object, void *userdata)
{
        struct collector *c = userdata;

        if (c->list)
                json_object_array_add(c->list, object_to_json(c->table, object));
        else
                print_object(c->table, object, c->table->what, "\n    ");
        return 0;
}

static int verb_show(_unused_ int argc, _unused_ char **argv)
{
        static const struct {
                uint8_t command;
                const struct field_table *table;
                const char *key;
        } dumps[] = {
                { BLKREPL_CMD_GROUP_GET, &group_table, "groups" },
                { BLKREPL_CMD_MEMBER_GET, &member_table, "members" },
                { BLKREPL_CMD_RELATIONSHIP_GET, &relationship_table, "relationships" },
                { BLKREPL_CMD_PAIR_GET, &pair_table, "pairs" },
        };
        json_object *root = arg_json ? json_object_new_object() : NULL;
        int r = STATUS_OK;

        for (size_t i = 0; r == STATUS_OK && i < ELEMENTSOF(dumps); i++) {
                struct collector c = { .table = dumps[i].table, .list = arg_json ? json_object_new_array() : NULL };

                r = transact(&(struct netlink_request){
                        .command = dumps[i].command, .dump = true, .table = c.table,
                        .handler = collect, .userdata = &c });
                if (root)
                        json_object_object_add(root, dumps[i].key, c.list);
        }
        if (root && r == STATUS_OK)
                puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
        if (root)
                json_object_put(root);
        return r;
}

static void print_event(enum netlink_event_kind kind, const void *object, _unused_ void *userdata)
{
        if (kind == NETLINK_EVENT_GROUP)
                print_object(&group_table, object, "group", " ");
        else if (kind == NETLINK_EVENT_RELATIONSHIP)
                print_object(&relationship_table, object, "relationship", " ");
        else
                puts(kind == NETLINK_EVENT_LOST ? "lost" :
                     kind == NETLINK_EVENT_MODULE_LOADED ? "module loaded" : "module unloaded");
        fflush(stdout);
}

static int wait_input(int fd, int timeout_ms)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, timeout_ms) < 0 && errno != EINTR ? -errno : 0;
}

static int print_existing(const void *object, void *userdata)
{
        print_object(userdata, object, ((const struct field_table *)userdata)->what, " ");
        return 0;
}

/* What there is, the line "exists -", then what happens. */
static int verb_events(_unused_ int argc, _unused_ char **argv)
{
        _cleanup_(netlink_events_closep) struct netlink_events *ev = NULL;
        int r;

        r = netlink_events_open(&ev, print_event, NULL);
        if (r < 0)
                return failure(r, strerror(-r));
        if (netlink_events_module_loaded(ev)) {
                r = transact(&(struct netlink_request){
                        .command = BLKREPL_CMD_GROUP_GET, .dump = true, .table = &group_table,
                        .handler = print_existing, .userdata = (void *)&group_table });
                r = r ?: transact(&(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .dump = true, .table = &relationship_table,
                        .handler = print_existing, .userdata = (void *)&relationship_table });
                if (r)
                        return r;
        }
        puts("exists -");
        fflush(stdout);
        for (;;) {
                r = wait_input(netlink_events_fd(ev), -1);
                if (r >= 0)
                        r = netlink_events_dispatch(ev);
                if (r < 0)
                        return failure(r, strerror(-r));
        }
}

static void ignore_event(_unused_ enum netlink_event_kind kind, _unused_ const void *object, _unused_ void *userdata)
{
}

static int take_state(const void *object, void *userdata)
{
        *(unsigned int *)userdata = ((const struct kernel_relationship *)object)->copy_state;
        return 0;
}

/* Events only tell when to look again, so none that is lost can make us wait for ever. */
static int verb_wait(int argc, char **argv)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        _cleanup_(netlink_events_closep) struct netlink_events *ev = NULL;
        uint64_t deadline = arg_timeout == UINT64_MAX ? USEC_INFINITY : now_monotonic() + arg_timeout * USEC_PER_SEC;
        struct kernel_relationship q = {}, wanted = {};
        size_t n = 0;
        int r;

        if ((r = set_field(&relationship_table, &q, "uuid", argv[1])) ||
            (r = set_field(&relationship_table, &wanted, "copy_state", argv[2])) ||
            (r = parse_words(&relationship_table, argv + 3, argc - 3, &q, &devices, &n)))
                return r;
        r = netlink_events_open(&ev, ignore_event, NULL);
        if (r < 0)
                return failure(r, strerror(-r));
        for (;;) {
                unsigned int state = 0;

                r = transact(&(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .table = &relationship_table, .object = &q,
                        .handler = take_state, .userdata = &state });
                if (r)
                        return r;
                if (state == wanted.copy_state)
                        return STATUS_OK;
                if (now_monotonic() >= deadline)
                        return failure(-ETIMEDOUT, "The state was not reached in time.");
                r = wait_input(netlink_events_fd(ev), 500);
                if (r >= 0)
                        r = netlink_events_dispatch(ev);
                if (r < 0)
                        return failure(r, strerror(-r));
        }
}

static const struct verb {
        const char *name;
        int min, max;
        int (*run)(int argc, char **argv);
        const char *words, *help;
} verbs[] = {
        { "group-new", 4, INT_MAX, verb_group_new, "UUID NAME LOG [--create] [--force] INDEX:UUID:NAME:PATH...", "bring a group up" },
        { "group-del", 2, 2, verb_group_del, "UUID [--force]", "take a group down" },
        { "group-rename", 3, 3, verb_group_rename, "UUID NAME [--force]", "give a group another name" },
        { "member-add", 3, 4, verb_member_add, "GROUP-UUID INDEX:UUID:NAME:PATH [INDEX:UUID:NAME:PATH]", "add a member, in a relationship with its target" },
        { "pairs-move", 4, INT_MAX, verb_pairs_move, "FROM-GROUP-UUID TO-GROUP-UUID INDEX:UUID:NAME:PATH...", "move members with their pairs to another relationship" },
        { "member-remove", 3, 3, verb_member_remove, "GROUP-UUID UUID", "remove a member" },
        { "member-rename", 4, 4, verb_member_rename, "GROUP-UUID UUID NAME [--force]", "give a member another name" },
        { "member-resize", 3, 3, verb_member_resize, "GROUP-UUID INDEX", "take over a member's new size" },
        { "relationship-new", 3, INT_MAX, verb_relationship_new, "UUID KEY=VALUE... INDEX:UUID:NAME:PATH...", "make a relationship" },
        { "relationship-connect", 3, INT_MAX, verb_relationship_connect, "UUID target_log_path=PATH INDEX:UUID:NAME:PATH...", "open its target" },
        { "relationship-disconnect", 2, INT_MAX, verb_relationship_disconnect, "UUID [KEY=VALUE...] [--timeout-ms N]", "close its target" },
        { "relationship-op", 3, INT_MAX, verb_relationship_op, "UUID OPERATION [KEY=VALUE...] [--force] [--timeout-ms N]", "an operation of the model" },
        { "relationship-set", 3, INT_MAX, verb_relationship_set, "UUID KEY=VALUE...", "change settings" },
        { "show", 1, 1, verb_show, "[--json]", "everything the module tells" },
        { "events", 1, 1, verb_events, "", "a line for each event" },
        { "wait", 3, INT_MAX, verb_wait, "UUID STATE [KEY=VALUE...] [--timeout S]", "wait until a relationship is in a state" },
};

static void help(void)
{
        puts("blkrepl-setup COMMAND ...\n\nCommands:");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                printf("  %s %s\n        %s\n", verbs[i].name, verbs[i].words, verbs[i].help);
        puts("\nKeys of a relationship: those that 'show' prints, and force, seeded, inactive (=1).\n"
             "Exit status: 0 done, 1 error, 2 usage or wrong parameter, 3 not found, 4 wrong state, 5 timeout, 6 denied.");
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "create", no_argument, NULL, 'c' },
                { "force", no_argument, NULL, 'f' },
                { "json", no_argument, NULL, 'j' },
                { "timeout", required_argument, NULL, 't' },
                { "timeout-ms", required_argument, NULL, 't' },
                { "help", no_argument, NULL, 'h' },
                {}
        };
        int c;

        while ((c = getopt_long(argc, argv, "fh", options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        arg_create = true;
                        break;
                case 'f':
                        arg_force = true;
                        break;
                case 'j':
                        arg_json = true;
                        break;
                case 't':
                        if (parse_u64(optarg, &arg_timeout) < 0 || arg_timeout > UINT32_MAX)
                                return usage_error("'%s' is no time", optarg);
                        break;
                case 'h':
                        help();
                        return STATUS_OK;
                default:
                        return STATUS_USAGE;
                }

        argc -= optind;
        argv += optind;
        if (argc < 1)
                return usage_error("a command is missing");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, argv[0])) {
                        if (argc < verbs[i].min || argc > verbs[i].max)
                                return usage_error("%s needs: %s", argv[0], verbs[i].words);
                        return verbs[i].run(argc, argv);
                }
        return usage_error("unknown command '%s'", argv[0]);
}
