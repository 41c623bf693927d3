/* SPDX-License-Identifier: MIT */
/*
 * The functions of an endpoint: they come with the endpoint, virtual ones as many as there can
 * be, which are there while VF Enable is set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ep_private.h"

enum { FUNCTION_BITS = 7, ARI_BITS = 0xff };

/* ---- IDs ---- */

/* Bits of an ID that are the function's number: with ARI there is no device number (6.13). */
static unsigned number_bits(const tlpb_ep *ep)
{
	return ep->f0->config.device.has & TLPB_HAS_ARI ? ARI_BITS : FUNCTION_BITS;
}

uint16_t tlpb__ep_device_id(const tlpb_ep *ep, uint16_t id)
{
	return (uint16_t)(id & ~number_bits(ep));
}

uint16_t tlpb__function_id(const struct function *f)
{
	return (uint16_t)(f->ep->id | f->number);
}

struct function *tlpb__function_at(const tlpb_ep *ep, unsigned number)
{
	struct function *f = number < FUNCTIONS_MAX ? ep->function[number] : NULL;

	return f && f->there ? f : NULL;
}

struct function *tlpb__function_of_id(const tlpb_ep *ep, uint16_t dest_id)
{
	return tlpb__function_at(ep, dest_id & number_bits(ep));
}

/* ---- resets ---- */

static void tell_reset(struct function *f, enum tlpb_reset kind)
{
	if (f->ops.function_reset)
		f->ops.function_reset(f->ctx, f->number, kind);
	else if (f->ops.reset && !f->pf)
		f->ops.reset(f->ctx, kind);
}

/* Everything a reset clears; the captured ID survives a function-level reset (6.6.2). */
void tlpb__function_reset(struct function *f, enum tlpb_reset kind, bool link_lost)
{
	tlpb_ep *ep = f->ep;

	tlpb__ep_requests_reset(f, link_lost);
	tlpb__ep_irq_reset(f);
	tlpb__config_reset(&f->config, kind);
	tlpb__ep_update_ecrc(ep);
	tlpb__msix_reset(&f->msix);
	f->generation++;
	ep->posted_with_model -= f->posted_with_model;	/* what the model keeps is of the past */
	f->posted_with_model = 0;
	tlpb__ep_take_back(f);
	tlpb__ep_dma_abort(f, TLPB_ERR_CLOSED, link_lost);
	tell_reset(f, kind);
	if (f->config.device.sriov.vfs)
		tlpb__function_update_vfs(f, link_lost);
}

/* ---- virtual functions ---- */

static struct function *vf_of(const struct function *pf, unsigned index)
{
	const struct tlpb_sriov *s = &pf->config.device.sriov;

	return pf->ep->function[pf->number + s->offset + index * s->stride];
}

/* What a VF that goes leaves behind is refused, as at a reset; config space begins anew. */
static bool set_there(struct function *vf, bool there, bool link_lost)
{
	if (vf->there == there)
		return false;
	if (!there)
		tlpb__function_reset(vf, TLPB_RESET_POWER, link_lost);
	vf->there = there;
	return true;
}

void tlpb__function_update_vfs(struct function *pf, bool link_lost)
{
	unsigned count = tlpb__config_vfs(&pf->config);
	bool changed = false;

	for (unsigned i = 0; i < pf->config.device.sriov.vfs; i++)
		changed = set_there(vf_of(pf, i), i < count, link_lost) || changed;
	if (changed && pf->ops.vfs)
		pf->ops.vfs(pf->ctx, pf->number, count);
}

/* ---- making them ---- */

static int refuse(char *why, size_t size, int err, const char *text)
{
	snprintf(why, size, "%s", text);
	return err;
}

/* A place for the number; the function's own state is not set yet. NULL: no memory. */
static struct function *new_function(tlpb_ep *ep, unsigned number)
{
	struct function *f = calloc(1, sizeof *f);
	unsigned at = ep->functions;

	if (!f)
		return NULL;
	f->ep = ep;
	f->number = number;
	ep->function[number] = f;
	while (at && ep->list[at - 1]->number > number) {
		ep->list[at] = ep->list[at - 1];
		at--;
	}
	ep->list[at] = f;
	ep->functions++;
	return f;
}

static void remove_function(tlpb_ep *ep, unsigned number)
{
	unsigned at = 0;

	if (!ep->function[number])
		return;
	while (ep->list[at]->number != number)
		at++;
	memmove(ep->list + at, ep->list + at + 1, (ep->functions - at - 1) * sizeof *ep->list);
	ep->functions--;
	tlpb__msix_free(&ep->function[number]->msix);
	free(ep->function[number]);
	ep->function[number] = NULL;
}

void tlpb__functions_free(tlpb_ep *ep)
{
	while (ep->functions)
		remove_function(ep, ep->list[ep->functions - 1]->number);
}

static int add_vf(struct function *pf, unsigned index)
{
	const struct tlpb_sriov *s = &pf->config.device.sriov;
	struct function *vf = new_function(pf->ep, pf->number + s->offset + index * s->stride);

	if (!vf)
		return TLPB_ERR_NOMEM;
	vf->pf = pf;
	vf->ops = pf->ops;
	vf->ctx = pf->ctx;
	tlpb__config_init_vf(&vf->config, &pf->config, index);
	return tlpb__msix_init(&vf->msix, &vf->config.device);
}

static int add_vfs(struct function *pf)
{
	int err = 0;

	for (unsigned i = 0; !err && i < pf->config.device.sriov.vfs; i++)
		err = add_vf(pf, i);
	return err;
}

static int add_capabilities(struct function *f, const struct tlpb_ep_function *config, char *why,
			    size_t why_size)
{
	for (unsigned i = 0; i < config->capability_count; i++) {
		const struct tlpb_capability *cap = &config->capabilities[i];
		int err = tlpb__config_add(&f->config, cap);

		if (!err)
			continue;
		snprintf(why, why_size, "capability %u, ID 0x%x: %s", i, cap->id,
			 err == TLPB_ERR_TOO_LARGE ? "there is no room for its bytes"
			 : "not a legal header, or one that the description makes");
		return TLPB_ERR_INVALID;
	}
	return 0;
}

/* The numbers of the function and of its VFs must be legal and free. */
static int check_numbers(const tlpb_ep *ep, const struct tlpb_ep_function *config, char *why,
			 size_t why_size)
{
	const struct tlpb_device *first = ep->f0 ? &ep->f0->config.device : config->device;
	unsigned numbers = first->has & TLPB_HAS_ARI ? ARI_BITS + 1 : FUNCTION_BITS + 1;
	const struct tlpb_sriov *s = &config->device->sriov;

	for (unsigned i = 0; i <= s->vfs; i++) {
		unsigned number = config->number + (i ? s->offset + (i - 1) * s->stride : 0);

		if (number < numbers && !ep->function[number])
			continue;
		snprintf(why, why_size, "function %u%s: %s", number, i ? ", a VF" : "",
			 number < numbers ? "there is one of this number already"
			 : numbers > FUNCTION_BITS + 1 ? "there are 256 numbers"
			 : "without ARI in function 0 there are 8 numbers");
		return TLPB_ERR_INVALID;
	}
	return 0;
}

static unsigned next_physical(const tlpb_ep *ep, unsigned at)
{
	while (++at < ep->functions)
		if (!ep->list[at]->pf)
			return ep->list[at]->number;
	return 0;
}

/* Each says whether there are others, and which is the next (7.8.8). */
static void link_functions(tlpb_ep *ep)
{
	bool several = next_physical(ep, 0) != 0;

	for (unsigned i = 0; i < ep->functions; i++)
		if (!ep->list[i]->pf)
			tlpb__config_set_function(&ep->list[i]->config, ep->list[i]->number, several,
						  next_physical(ep, i));
}

static int fill(struct function *f, const struct tlpb_ep_function *config, char *why,
		size_t why_size)
{
	int err;

	f->ops = config->ops ? *config->ops : f->ep->ops;
	f->ctx = config->ops ? config->ctx : f->ep->ctx;
	f->there = true;
	tlpb__config_init(&f->config, config->device, f->ep->mps);
	err = add_capabilities(f, config, why, why_size);
	if (err)
		return err;
	if (tlpb__msix_init(&f->msix, &f->config.device) || add_vfs(f))
		return refuse(why, why_size, TLPB_ERR_NOMEM, "out of memory");
	return 0;
}

static void take_back(tlpb_ep *ep, struct function *f)
{
	const struct tlpb_sriov *s = &f->config.device.sriov;
	unsigned number = f->number;

	for (unsigned i = 0; i < s->vfs; i++)
		remove_function(ep, number + s->offset + i * s->stride);
	remove_function(ep, number);
}

int tlpb__function_add(tlpb_ep *ep, const struct tlpb_ep_function *config, char *why,
		       size_t why_size)
{
	struct function *f;
	int err = check_numbers(ep, config, why, why_size);

	if (err)
		return err;
	f = new_function(ep, config->number);
	if (!f)
		return refuse(why, why_size, TLPB_ERR_NOMEM, "out of memory");
	err = fill(f, config, why, why_size);
	if (err) {
		take_back(ep, f);
		return err;
	}
	if (!config->number)
		ep->f0 = f;
	link_functions(ep);
	return 0;
}

/* ---- the face ---- */

int tlpb_ep_add_function(tlpb_ep *ep, const struct tlpb_ep_function *function, char *why,
			 size_t why_size)
{
	struct tlpb_device device = *function->device;
	struct tlpb_ep_function named = *function;
	int err;

	if (ep->link)
		return refuse(why, why_size, TLPB_ERR_BUSY, "a host has the device already");
	memcpy(device.name, ep->f0->config.device.name, sizeof device.name);
	named.device = &device;
	err = tlpb_device_check(&device, why, why_size);
	return err ? err : tlpb__function_add(ep, &named, why, why_size);
}

bool tlpb_ep_has_function(const tlpb_ep *ep, unsigned function)
{
	return tlpb__function_at(ep, function) != NULL;
}

uint32_t tlpb_ep_function_peek(const tlpb_ep *ep, unsigned function, unsigned offset,
			       unsigned size)
{
	const struct function *f = tlpb__function_at(ep, function);
	uint32_t dw = f ? tlpb__config_read(&f->config, offset & ~3u) >> (8 * (offset & 3))
			: UINT32_MAX;

	return size == 4 ? dw : dw & ((1u << (8 * size)) - 1);
}

uint32_t tlpb_ep_config_peek(const tlpb_ep *ep, unsigned offset, unsigned size)
{
	return tlpb_ep_function_peek(ep, 0, offset, size);
}
