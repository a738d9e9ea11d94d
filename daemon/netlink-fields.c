/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>

#include "netlink-fields.h"
#include "util.h"

#define KIND_FLAG FIELD_FLAG
#define KIND_U8 FIELD_U8
#define KIND_U16 FIELD_U16
#define KIND_U32 FIELD_U32
#define KIND_U64 FIELD_U64
#define KIND_UUID FIELD_UUID
#define KIND_NAME FIELD_STRING
#define KIND_PATH FIELD_STRING
#define KIND_TEXT FIELD_STRING

#define ROW(type, set, attr, member, k, namer)                          \
        {                                                               \
                .attribute = BLKREPL_A_##set##_##attr,                  \
                .offset = offsetof(struct type, member),                \
                .size = sizeof(((struct type *)NULL)->member),          \
                .kind = KIND_##k,                                       \
                .key = #member,                                         \
                .name = namer,                                          \
        },

#define ROW_DEVICE(...) ROW(kernel_device, __VA_ARGS__)
#define ROW_GROUP(...) ROW(kernel_group, __VA_ARGS__)
#define ROW_MEMBER(...) ROW(kernel_member, __VA_ARGS__)
#define ROW_RELATIONSHIP(...) ROW(kernel_relationship, __VA_ARGS__)
#define ROW_PAIR(...) ROW(kernel_pair, __VA_ARGS__)
#define ROW_RPO_FIGURES(...) ROW(kernel_rpo_figures, __VA_ARGS__)

static const struct field device_rows[] = { DEVICE_FIELDS(ROW_DEVICE) };
static const struct field group_rows[] = { GROUP_FIELDS(ROW_GROUP) };
static const struct field member_rows[] = { MEMBER_FIELDS(ROW_MEMBER) };
static const struct field relationship_rows[] = { RELATIONSHIP_FIELDS(ROW_RELATIONSHIP) };
static const struct field pair_rows[] = { PAIR_FIELDS(ROW_PAIR) };
static const struct field rpo_figures_rows[] = { RPO_FIGURES_FIELDS(ROW_RPO_FIGURES) };

#define TABLE(lower, UPPER, device, more...)                            \
        const struct field_table lower##_table = {                      \
                .what = #lower,                                         \
                .fields = lower##_rows,                                 \
                .n_fields = ELEMENTSOF(lower##_rows),                   \
                .size = sizeof(struct kernel_##lower),                  \
                .max_attribute = BLKREPL_A_##UPPER##_MAX,               \
                .device_attribute = device,                             \
                more                                                    \
        }

TABLE(device, DEVICE, 0);
TABLE(group, GROUP, BLKREPL_A_GROUP_MEMBER);
TABLE(member, MEMBER, 0);
TABLE(relationship, RELATIONSHIP, BLKREPL_A_RELATIONSHIP_PAIR,
      .figures_attribute = BLKREPL_A_RELATIONSHIP_RPO_FIGURES,
      .figures_offset = offsetof(struct kernel_relationship, rpo_figures));
TABLE(pair, PAIR, 0);
TABLE(rpo_figures, RPO_FIGURES, 0);

/* @present is the first member of every object and a bit mask of attributes. */
_Static_assert(BLKREPL_A_RELATIONSHIP_MAX < 8 * sizeof(field_mask), "attribute numbers must fit into the mask");

static field_mask *present(const void *object)
{
        return (field_mask *)object;
}

int fields_put(struct nl_msg *message, const struct field_table *table, const void *object)
{
        for (const struct field *f = table->fields; f < table->fields + table->n_fields; f++) {
                const void *v = (const char *)object + f->offset;
                int r = 0;

                if (!(*present(object) & FIELD_BIT(f->attribute)))
                        continue;

                switch (f->kind) {
                case FIELD_FLAG:
                        r = *(const bool *)v ? nla_put_flag(message, f->attribute) : 0;
                        break;
                case FIELD_STRING:
                        r = nla_put_string(message, f->attribute, v);
                        break;
                default:
                        r = nla_put(message, f->attribute, f->size, v);
                }
                if (r < 0)
                        return -EMSGSIZE;
        }
        return 0;
}

/* One nest of several of the same number */
static int parse_figures(const struct field_table *table, struct nlattr *a, void *object)
{
        struct kernel_rpo_figures *f = (void *)((char *)object + table->figures_offset);

        for (size_t i = 0; i < KERNEL_FIGURES_MAX; i++)
                if (!f[i].present)
                        return fields_parse(&rpo_figures_table, nla_data(a), nla_len(a), f + i);
        return 0;
}

/* Attributes that this build does not know are skipped: the module may be newer. */
int fields_parse(const struct field_table *table, struct nlattr *head, int length, void *object)
{
        struct nlattr *a;
        int rest, r;

        memset(object, 0, table->size);
        nla_for_each_attr(a, head, length, rest) {
                const struct field *f = NULL;
                void *v;

                for (size_t i = 0; i < table->n_fields; i++)
                        if (table->fields[i].attribute == nla_type(a))
                                f = table->fields + i;
                if (table->figures_attribute && nla_type(a) == table->figures_attribute) {
                        r = parse_figures(table, a, object);
                        if (r < 0)
                                return r;
                }
                if (!f)
                        continue;

                v = (char *)object + f->offset;
                if (f->kind == FIELD_FLAG)
                        *(bool *)v = true;
                else if (f->kind == FIELD_STRING)
                        nla_strlcpy(v, a, f->size);
                else if (nla_len(a) == f->size)
                        memcpy(v, nla_data(a), f->size);
                else
                        return -EBADMSG;
                *present(object) |= FIELD_BIT(f->attribute);
        }
        return 0;
}

const struct field *field_find(const struct field_table *table, const char *key)
{
        for (size_t i = 0; i < table->n_fields; i++)
                if (streq(table->fields[i].key, key))
                        return table->fields + i;
        return NULL;
}

uint64_t field_number(const struct field *f, const void *object)
{
        const void *v = (const char *)object + f->offset;

        switch (f->kind) {
        case FIELD_FLAG:
                return *(const bool *)v;
        case FIELD_U8:
                return *(const uint8_t *)v;
        case FIELD_U16:
                return *(const uint16_t *)v;
        case FIELD_U32:
                return *(const uint32_t *)v;
        case FIELD_U64:
                return *(const uint64_t *)v;
        default:
                return 0;
        }
}

const char *field_text(const struct field *f, const void *object, char *buf, size_t size)
{
        const void *v = (const char *)object + f->offset;

        if (f->kind == FIELD_STRING)
                return v;
        if (f->kind == FIELD_UUID)
                return size < UUID_TEXT_MAX ? "" : uuid_to_text(*(const sd_id128_t *)v, buf);
        if (f->name) {
                const char *name = f->name(field_number(f, object));

                if (name)
                        return name;
        }
        snprintf(buf, size, "%" PRIu64, field_number(f, object));
        return buf;
}

static int number_from_text(const struct field *f, const char *text, uint64_t max, uint64_t *ret)
{
        int r;

        /* The enumerations of the interface are small: look each value's name up. */
        for (unsigned int i = 0; f->name && i < 64; i++) {
                const char *name = f->name(i);

                if (name && strcasecmp(name, text) == 0) {
                        *ret = i;
                        return 0;
                }
        }
        r = parse_u64(text, ret);
        if (r < 0)
                return r;
        return *ret > max ? -ERANGE : 0;
}

int field_set(const struct field *f, void *object, const char *text)
{
        void *v = (char *)object + f->offset;
        uint64_t n;
        int r;

        switch (f->kind) {
        case FIELD_STRING:
                r = copy_string(v, f->size, text);
                break;
        case FIELD_UUID:
                r = uuid_from_text(text, v);
                break;
        case FIELD_FLAG:
                r = number_from_text(f, text, 1, &n);
                if (r >= 0)
                        *(bool *)v = n;
                break;
        case FIELD_U8:
                r = number_from_text(f, text, UINT8_MAX, &n);
                if (r >= 0)
                        *(uint8_t *)v = n;
                break;
        case FIELD_U16:
                r = number_from_text(f, text, UINT16_MAX, &n);
                if (r >= 0)
                        *(uint16_t *)v = n;
                break;
        case FIELD_U32:
                r = number_from_text(f, text, UINT32_MAX, &n);
                if (r >= 0)
                        *(uint32_t *)v = n;
                break;
        default:
                r = number_from_text(f, text, UINT64_MAX, &n);
                if (r >= 0)
                        *(uint64_t *)v = n;
        }
        if (r < 0)
                return r;

        *present(object) |= FIELD_BIT(f->attribute);
        return 0;
}
