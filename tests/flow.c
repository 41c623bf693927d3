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
static const char keeps[] = "the model keeps several requests at once, which credits for one do not allow";

static const struct exception {
	const char *test;
	bool credits, order;	/* what is not for it */
	const char *why;
} exceptions[] = {
	{ "Completions.ReadsThatNestInTheHostMayComplete", true, false, keeps },
	{ "Order.WritesBehindAHeldTableWriteStayBehindIt", true, false, keeps },
	{ "Order.AResetAnswersWhatIsHeldAndGivesHeldWritesToTheModel", true, false, keeps },
	{ "Order.AHostThatVanishesLeavesNothingHeld", true, false, keeps },
	{ "Reset.EndsAReadThatTheHostWaitsFor", true, false, keeps },
	{ "Life.AReadInsideAReadThatLosesTheLinkEndsBoth", true, false, keeps },
	{ "Life.CompletionsForAHostThatWentDoNotReachTheNext", true, false, keeps },
	{ "EpFunctions.AFunctionLevelResetAnswersItsOwnRequestsAlone", true, false, keeps },
	{ "Messages.PmeTurnOffWaitsForTheWritesBeforeIt", true, false, keeps },
	{ "Inject.ADelayedWriteAtTheReceiverIsPassedByTheNextOnes", true, false,
	  "the injector keeps a write with its credits until the next one has come" },
	{ "Check.APayloadAboveWhatSoftwareProgrammedIsNamed", true, false,
	  "it breaks the rules by a payload that such credits never let go" },
	{ "Atomic.OnGuestMemoryOfEverySize", true, false,
	  "QEMU completes a CAS of 128 bits, which needs two credits for data" },
	{ "Flood.OfPostedWritesToAModelThatKeepsThemEndsAtWhatWasAdvertised", true, false,
	  "about the credits that users have" },
	{ "Error.MessagesThatCannotGoDoNotFillMemory", true, false,
	  "it takes posted credits away, which the updates of other pools would bring back" },
};

static bool is_excepted(bool order)
{
	for (unsigned i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
		if (!strcmp(exceptions[i].test, gt_name()))
			return order ? exceptions[i].order : exceptions[i].credits;
	return false;
}

const char *flow_credits(void)
{
	return is_excepted(false) ? NULL : getenv("TLPB_TEST_CREDITS");
}

const char *flow_order_seed(void)
{
	return is_excepted(true) ? NULL : getenv("TLPB_TEST_ORDER_SEED");
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
	enum { WORDS_MAX = 64, ADDED = 4 };
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
	if (direct)
		snprintf(text + n, sizeof text - (size_t)n, ",\"direct-dma\":\"%s\"", direct);
	return text;
}
