/* SPDX-License-Identifier: MIT */
#include "flow.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gtest.h"

/*
 * Tests with a link that keep what users have. Those in Python are in flow.py. Left as they are, too: what
 * makes frames itself (raw_peer.h), and the programs in examples/ in C++, which have no such options.
 */
static const char several[] = "the model keeps several requests at once, which credits for one do not allow";

static const char by_hand[] = "its host is made by hand (raw_peer.h), and has no rings";

enum { CREDITS = 1, ORDER = 2, SOCKET = 4 };

static const struct exception {
	const char *test;
	unsigned keeps;		/* bits: what of users' it keeps */
	const char *why;
} exceptions[] = {
	{ "Completions.ReadsThatNestInTheHostMayComplete", CREDITS, several },
	{ "Order.WritesBehindAHeldTableWriteStayBehindIt", CREDITS, several },
	{ "Order.AResetAnswersWhatIsHeldAndGivesHeldWritesToTheModel", CREDITS, several },
	{ "Order.AHostThatVanishesLeavesNothingHeld", CREDITS, several },
	{ "Reset.EndsAReadThatTheHostWaitsFor", CREDITS, several },
	{ "Life.AReadInsideAReadThatLosesTheLinkEndsBoth", CREDITS, several },
	{ "Life.CompletionsForAHostThatWentDoNotReachTheNext", CREDITS, several },
	{ "EpFunctions.AFunctionLevelResetAnswersItsOwnRequestsAlone", CREDITS, several },
	{ "Messages.PmeTurnOffWaitsForTheWritesBeforeIt", CREDITS, several },
	{ "Inject.ADelayedWriteAtTheReceiverIsPassedByTheNextOnes", CREDITS,
	  "the injector keeps a write with its credits until the next one has come" },
	{ "Check.APayloadAboveWhatSoftwareProgrammedIsNamed", CREDITS,
	  "it breaks the rules by a payload that such credits never let go" },
	{ "Atomic.OnGuestMemoryOfEverySize", CREDITS,
	  "QEMU completes a CAS of 128 bits, which needs two credits for data" },
	{ "Flood.OfPostedWritesToAModelThatKeepsThemEndsAtWhatWasAdvertised", CREDITS,
	  "about the credits that users have" },
	{ "PrivateLink.RefusesAWrongToken", SOCKET, by_hand },
	{ "PrivateLink.IsForOnePeerOnly", SOCKET, by_hand },
	{ "Error.MessagesThatCannotGoDoNotFillMemory", CREDITS,
	  "it takes posted credits away, which the updates of other pools would bring back" },
};

/* Does the running test keep it? SOCKET: it has no rings, though users would have them. */
static bool keeps(unsigned what)
{
	for (unsigned i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
		if (!strcmp(exceptions[i].test, gt_name()))
			return exceptions[i].keeps & what;
	return false;
}

const char *flow_credits(void)
{
	return keeps(CREDITS) ? NULL : getenv("TLPB_TEST_CREDITS");
}

const char *flow_order_seed(void)
{
	return keeps(ORDER) ? NULL : getenv("TLPB_TEST_ORDER_SEED");
}

const char *flow_transport(void)
{
	return keeps(SOCKET) ? "nng" : getenv("TLPB_TEST_TRANSPORT");
}

enum tlpb_transport flow_transport_kind(void)
{
	enum tlpb_transport transport = TLPB_TRANSPORT_AUTO;
	const char *name = flow_transport();
	char why[256];

	if (name && tlpb_transport_parse(name, &transport, why, sizeof why)) {
		fprintf(stderr, "TLPB_TEST_TRANSPORT: %s\n", why);
		exit(EXIT_FAILURE);
	}
	return transport;
}

static void raise(uint16_t *credits, unsigned bytes)
{
	unsigned least = bytes / 16;

	if (*credits != TLPB_CREDITS_DEFAULT && *credits < least)
		*credits = (uint16_t)least;
}

void flow_configure(struct tlpb_pools *credits, uint64_t *order_seed, unsigned mps)
{
	enum { DMWR_BYTES = 128 };
	const char *seed = flow_order_seed();
	char why[256];

	if (tlpb_pools_parse(flow_credits(), credits, why, sizeof why)) {
		fprintf(stderr, "TLPB_TEST_CREDITS: %s\n", why);
		exit(EXIT_FAILURE);
	}
	raise(&credits->credits[TLPB_POOL_PD], mps);
	raise(&credits->credits[TLPB_POOL_CPLD], mps);
	raise(&credits->credits[TLPB_POOL_NPD], DMWR_BYTES);
	if (seed)
		*order_seed = strtoull(seed, NULL, 0);
}

const char *flow_direct_dma(void)
{
	return getenv("TLPB_TEST_DIRECT_DMA");
}

static unsigned add_option(const char **command, unsigned n, const char *option, const char *value)
{
	if (!value)
		return n;
	command[n] = option;
	command[n + 1] = value;
	return n + 2;
}

const char *const *flow_command(const char *const argv[])
{
	enum { WORDS_MAX = 64, ADDED = 6 };
	static const char *command[WORDS_MAX];
	unsigned n = 0;

	for (;; argv++) {
		if (n + ADDED + 1 >= WORDS_MAX) {
			fprintf(stderr, "%s: too many words\n", command[0]);
			exit(EXIT_FAILURE);
		}
		if (!*argv || !strcmp(*argv, "--and")) {
			n = add_option(command, n, "--credits", flow_credits());
			n = add_option(command, n, "--stress-ordering", flow_order_seed());
		}
		if (*argv && !strcmp(*argv, "--listen"))
			n = add_option(command, n, "--transport", flow_transport());
		command[n] = *argv;
		if (!command[n++])
			return command;
	}
}

/* QEMU wants commas within a value twice. */
const char *flow_properties(void)
{
	static char text[256];
	const char *credits = flow_credits(), *seed = flow_order_seed(), *direct = flow_direct_dma();
	size_t n = 0;

	if (credits)
		n = (size_t)snprintf(text, sizeof text, ",credits=");
	for (; credits && *credits && n + 40 < sizeof text; credits++) {
		text[n++] = *credits;
		if (*credits == ',')
			text[n++] = ',';
	}
	text[n] = '\0';
	if (seed)
		n += (size_t)snprintf(text + n, sizeof text - n, ",stress-ordering=%s", seed);
	if (flow_transport())
		n += (size_t)snprintf(text + n, sizeof text - n, ",transport=%s", flow_transport());
	if (direct)
		snprintf(text + n, sizeof text - n, ",direct-dma=%s", direct);
	return text;
}

const char *flow_arguments(void)
{
	static char text[256];
	const char *credits = flow_credits(), *seed = flow_order_seed(), *direct = flow_direct_dma();
	int n = 0;

	text[0] = '\0';
	if (credits)
		n = snprintf(text, sizeof text, ",\"credits\":\"%s\"", credits);
	if (seed)
		n += snprintf(text + n, sizeof text - (size_t)n, ",\"stress-ordering\":%s", seed);
	if (flow_transport())
		n += snprintf(text + n, sizeof text - (size_t)n, ",\"transport\":\"%s\"", flow_transport());
	if (direct)
		snprintf(text + n, sizeof text - (size_t)n, ",\"direct-dma\":\"%s\"", direct);
	return text;
}
