/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The property "inject": rules of error injection at QEMU's end. Unlike the others it may be set
 * while the machine runs (qom-set); what it is set to then replaces all rules. Under the BQL.
 */
#include "tlpbridge-qemu.h"

#include "qapi/error.h"

static char *get(Object *obj, Error **errp)
{
	TLPBridge *s = TLPBRIDGE(obj);

	return g_strdup(s->inject ? s->inject : "");
}

/* The thread that looks for a lost server reads it: it is stopped meanwhile. */
static void replace(TLPBridge *s, const char *rules)
{
	bool looking = s->reconnect.running;

	tlpbridge_reconnect_stop(s);
	g_free(s->inject);
	s->inject = g_strdup(rules);
	if (looking)
		tlpbridge_reconnect_start(s);
}

static void set(Object *obj, const char *rules, Error **errp)
{
	TLPBridge *s = TLPBRIDGE(obj);
	char why[TLPBRIDGE_WHY];
	tlpb_rc *rc;

	if (tlpb_inject_check(rules, why, sizeof(why))) {
		error_setg(errp, "inject=: %s", why);
		return;
	}
	replace(s, rules);
	rc = tlpbridge_enter(s);
	if (rc) {
		tlpb_rc_inject(rc, NULL, why, sizeof(why));
		if (tlpb_rc_inject(rc, rules, why, sizeof(why)))
			error_setg(errp, "inject=: %s", why);
	}
	tlpbridge_leave(s);
}

void tlpbridge_inject_add_property(ObjectClass *klass)
{
	object_class_property_add_str(klass, "inject", get, set);
}

void tlpbridge_inject_free(TLPBridge *s)
{
	g_free(s->inject);
}
