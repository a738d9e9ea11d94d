// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the table of operations; with the name of a file, checks that the file
 * has exactly that table.
 */
#include <stdlib.h>

#include "operations.h"

static bool read_file(const char *path, char **text)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;
	bool ok = f && getdelim(text, &n, 0, f) >= 0;

	if (!ok)
		fprintf(stderr, "%s cannot be read\n", path);
	if (f)
		fclose(f);
	return ok;
}

static int check(const char *path)
{
	char *table = NULL, *text = NULL, *at;
	size_t n = 0;
	FILE *f = open_memstream(&table, &n);
	int r = 1;

	if (!f || !read_file(path, &text))
		return 1;
	operations_print(f);
	fclose(f);
	at = strstr(text, table);
	/* No line of a table before or after: nothing more and nothing less. */
	if (at && (at == text || at[-2] != '|') && at[n] != '|')
		r = 0;
	else
		fprintf(stderr, "%s does not have the table of kernel/state.c, which is:\n%s", path, table);
	free(text);
	free(table);
	return r;
}

int main(int argc, char *argv[])
{
	if (argc > 1)
		return check(argv[1]);
	operations_print(stdout);
	return 0;
}
