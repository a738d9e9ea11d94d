// SPDX-License-Identifier: GPL-2.0
/* The model's words and numbers: kernel/names.c. */
#include <stdio.h>

#include "unit.h"
#include "../../kernel/names.h"
#include "../../kernel/state.h"

struct table {
	const char *what;
	const char *(*name)(unsigned int n);
	int (*parse)(const char *s);
	unsigned int count;
};

static const struct table tables[] = {
	{ "CopyState", blkrepl_copy_state_name, blkrepl_copy_state_parse, 15 },
	{ "operation", blkrepl_operation_name, blkrepl_operation_parse, 22 },
	{ "operation's title", blkrepl_operation_title, blkrepl_operation_parse, 22 },
	{ "ProgressStatus", blkrepl_progress_name, NULL, 14 },
	{ "ConsistencyState", blkrepl_consistency_name, NULL, 3 },
	{ "SyncType", blkrepl_sync_type_name, blkrepl_sync_type_parse, 4 },
	{ "Mode", blkrepl_mode_name, blkrepl_mode_parse, 4 },
	{ "leg state", blkrepl_leg_state_name, NULL, 5 },
	{ "event", blkrepl_event_name, NULL, 19 },
	{ "RPO state", blkrepl_rpo_state_name, NULL, 4 },
};

/* Upper case, with blanks and hyphens between all letters. */
static void disguise(const char *s, char *out)
{
	for (; *s; s++) {
		*out++ = *s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s;
		*out++ = ' ';
		*out++ = '-';
	}
	*out = 0;
}

static void every_name(void **state)
{
	char number[16], other[128];
	unsigned int i, n, k, count;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct table *t = &tables[i];

		for (n = 0, count = 0; n < 100; n++) {
			const char *s = t->name(n);

			snprintf(number, sizeof(number), "%u", n);
			if (t->parse)
				assert_int_equal(t->parse(number), s ? (int)n : -EINVAL);
			if (!s)
				continue;
			count++;
			assert_true(*s);
			for (k = 0; k < n; k++)
				if (t->name(k))
					assert_string_not_equal(s, t->name(k));
			if (!t->parse)
				continue;
			assert_int_equal(t->parse(s), n);
			disguise(s, other);
			assert_int_equal(t->parse(other), n);
			snprintf(other, sizeof(other), "%sx", s);
			assert_int_equal(t->parse(other), -EINVAL);
			other[strlen(s) - 1] = 0;
			assert_int_equal(t->parse(other), -EINVAL);
		}
		if (count != t->count)
			fail_msg("%s: %u names", t->what, count);
		assert_null(t->name(~0u));
	}
}

static void parser_refuses(void **state)
{
	static const char *const bad[] = {
		"", " ", "-", "--", "x", "1000", "99999999999999999999", "-4", "+4", "4 ", "4x", "0x4",
		"Synchronized!", "1", "17", "18446744073709551620",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (blkrepl_copy_state_parse(bad[i]) != -EINVAL)
			fail_msg("'%s' is taken for a CopyState", bad[i]);
	assert_int_equal(blkrepl_copy_state_parse("4"), 4);
	assert_int_equal(blkrepl_copy_state_parse("04"), 4);
	assert_int_equal(blkrepl_copy_state_parse("not-applicable"), 15);
}

static void valid_names(void **state)
{
	static const char *const good[] = { "a", "0", "_x", "+x", "db-1.2_3+4", "A.b", "a..b", "a-" };
	static const char *const bad[] = { "", ".", "..", ".a", "-a", "a/b", "a b", "a:b", "\xc3\xa4",
					   "a\n", "a%", "a\\", "*", "a\x7f", "\x80" };
	char s[BLKREPL_NAME_MAX + 2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(blkrepl_name_valid(good[i]));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (blkrepl_name_valid(bad[i]))
			fail_msg("'%s' is taken for a name", bad[i]);
	memset(s, 'x', sizeof(s));
	s[BLKREPL_NAME_MAX + 1] = 0;
	assert_false(blkrepl_name_valid(s));
	s[BLKREPL_NAME_MAX] = 0;
	assert_true(blkrepl_name_valid(s));
	/* every single character */
	for (i = 1; i < 256; i++) {
		s[0] = 'a';
		s[1] = i;
		s[2] = 0;
		assert_int_equal(blkrepl_name_valid(s),
				 (i < 128 && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
						    "0123456789_+.-", i)) ? 1 : 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name),
		cmocka_unit_test(parser_refuses),
		cmocka_unit_test(valid_names),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
