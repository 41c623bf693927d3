/* SPDX-License-Identifier: MIT */
#include <tlpbridge/err.h>

struct err_entry {
	int err;
	const char *name;
	const char *text;
};

static const struct err_entry errors[] = {
	{ TLPB_OK, "OK", "success" },
#define ERR_ENTRY(name, value, text) { TLPB_ERR_##name, #name, text },
	TLPB_ERR_LIST(ERR_ENTRY)
#undef ERR_ENTRY
};

static const struct err_entry *find(int err)
{
	for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i].err == err)
			return &errors[i];
	return 0;
}

const char *tlpb_strerror(int err)
{
	const struct err_entry *e = find(err);

	return e ? e->text : "unknown error";
}

const char *tlpb_errname(int err)
{
	const struct err_entry *e = find(err);

	return e ? e->name : "UNKNOWN";
}
