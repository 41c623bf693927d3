/* SPDX-License-Identifier: MIT */
/* Objects like those under "ordering" in the vectors, or two TLPs, to a verdict. */
#include <stdlib.h>
#include <string.h>
#include <tlpbridge/order.h>
#include <tlpbridge/tlp.h>
#include "tlp_lines.h"

static enum tlpb_order_class get_class(struct json_reader *in, const char *name)
{
	static const char *const classes[TLPB_ORDER_CLASSES] = {
		[TLPB_ORDER_P] = "P", [TLPB_ORDER_NPR] = "NPR", [TLPB_ORDER_NPD] = "NPD",
		[TLPB_ORDER_CPL] = "CPL",
	};
	const char *text = cJSON_GetStringValue(json_member(in, name));

	for (unsigned cls = 0; text && cls < TLPB_ORDER_CLASSES; cls++)
		if (!strcmp(text, classes[cls]))
			return (enum tlpb_order_class)cls;
	json_wrong(in, "%s is not P, NPR, NPD or CPL", name);
	return TLPB_ORDER_P;
}

/* Does the later one complete an I/O or configuration write? */
static bool get_completion_kind(struct json_reader *in)
{
	static const struct {
		const char *name;
		bool register_write;
	} kinds[] = {
		{ "io_cfg_write", true }, { "io_write", true }, { "cfg_write", true },
		{ "read", false }, { "mem_read", false }, { "io_read", false },
		{ "cfg_read", false }, { "io_cfg_read", false }, { "atomic", false },
		{ "def_mem_write", false },
	};
	const cJSON *item = json_member(in, "completion_kind");
	const char *text = cJSON_GetStringValue(item);

	for (unsigned i = 0; text && i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(text, kinds[i].name))
			return kinds[i].register_write;
	if (item)
		json_wrong(in, "completion_kind is not io_cfg_write, read or atomic");
	return false;
}

static void get_pasid(struct json_reader *in, const char *name, struct tlpb_order *order)
{
	order->has_pasid = json_has(in, name);
	order->pasid = json_number(in, name, 0, 0xfffff);
}

/* The vectors tell what two TLPs have in common, not their IDs: any IDs that fit will do. */
static void from_facts(struct json_reader *in, struct tlpb_order *later, struct tlpb_order *earlier)
{
	earlier->cls = get_class(in, "earlier");
	later->cls = get_class(in, "later");
	later->ro = json_number(in, "later_ro", 0, 1);
	later->ido = json_number(in, "later_ido", 0, 1);
	later->id = !json_number(in, "ids_equal", 1, 1);
	later->transaction = !json_number(in, "same_transaction_id", 0, 1);
	get_pasid(in, "later_pasid", later);
	get_pasid(in, "earlier_pasid", earlier);
	later->of_io_or_config_write = get_completion_kind(in);
}

/* The header suffices. */
static bool get_tlp(struct json_reader *in, const char *name, struct tlpb_tlp *tlp)
{
	const char *hex = cJSON_GetStringValue(json_member(in, name));
	size_t count;
	uint8_t *bytes;

	if (!hex) {
		json_wrong(in, "%s is missing", name);
		return false;
	}
	bytes = tlp_read_hex(hex, strlen(hex), &count, in->why);
	if (!bytes)
		return false;
	tlpb_tlp_unpack(bytes, count, tlp);
	free(bytes);
	if (tlp->kind == TLPB_TLP_KINDS)
		json_wrong(in, "%s has no header of a TLP", name);
	return tlp->kind < TLPB_TLP_KINDS;
}

static enum tlpb_order_verdict of_tlps(struct json_reader *in)
{
	bool register_write = get_completion_kind(in);
	struct tlpb_tlp later, earlier;
	struct tlpb_order l, e;

	if (!get_tlp(in, "later_hex", &later) || !get_tlp(in, "earlier_hex", &earlier))
		return TLPB_ORDER_MUST_NOT;
	if (later.tc != earlier.tc)	/* nothing is ordered across traffic classes */
		return TLPB_ORDER_MAY;
	l = tlpb_order_of(&later, register_write);
	e = tlpb_order_of(&earlier, false);
	return tlpb_may_pass(&l, &e);
}

static enum tlpb_order_verdict of_facts(struct json_reader *in)
{
	struct tlpb_order later = { 0 }, earlier = { 0 };

	from_facts(in, &later, &earlier);
	return tlpb_may_pass(&later, &earlier);
}

bool tlp_order_line(const struct tlp_options *options, const char *line, size_t len,
		    char why[JSON_WHY])
{
	cJSON *object = tlp_read_object(line, len, why), *out;
	struct json_reader in = { object, why };
	enum tlpb_order_verdict verdict;

	if (!object)
		return false;
	*why = '\0';
	verdict = json_has(&in, "later_hex") || json_has(&in, "earlier_hex") ? of_tlps(&in)
									      : of_facts(&in);
	cJSON_Delete(object);
	if (*why)
		return false;
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "verdict", tlpb_order_verdict_name(verdict));
	return tlp_print_object(out, why);
}
