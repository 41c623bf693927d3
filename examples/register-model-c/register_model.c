/* SPDX-License-Identifier: MIT */
/*
 * A whole PCI Express endpoint in plain C: three registers and an interrupt.
 *
 *	register-model-c --listen ipc:///run/regs.sock
 */
#include <tlpbridge/regs.h>
#include <tlpbridge/serve.h>

static struct tlpb_device device = {
	.name = "register-model-c", .vendor_id = 0x1234, .device_id = 0x0002,
	.class_code = 0xff0000, .intx_pin = 1, .msi_vectors = 1,
	.region[TLPB_BAR0] = { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE },
};
static void access(void *ctx, struct tlpb_ep_request *request);
static void reset(void *ctx, enum tlpb_reset kind);
static void event_written(void *ctx, uint32_t value);

static struct tlpb_reg regs[] = {
	{ 0x00, "ID", .reset = 0x600d600d },
	{ 0x04, "SCRATCH", .writable = ~0u },
	{ 0x08, "EVENT", .writable = 1, .written = event_written, .text = "bit 0 asks for an interrupt" },
};
static const struct tlpb_regs bar0 = { regs, 3, NULL };
static const struct tlpb_ep_ops ops = { .access = access, .reset = reset };
static struct tlpb_model model = { .summary = "three registers and an interrupt",
				   .device = &device, .ops = &ops, .regs = { &bar0 } };

/* MSI where the driver has enabled it, else the line. */
static void event_written(void *ctx, uint32_t value)
{
	bool line = value && tlpb_ep_msi(model.ep, 0) == TLPB_IRQ_DISABLED;

	tlpb_ep_intx(model.ep, line);
}

static void access(void *ctx, struct tlpb_ep_request *request)
{
	tlpb_regs_access(&bar0, request);
	tlpb_ep_complete(model.ep, request, TLPB_CPL_SC);
}

/* Of any kind, also when a host leaves; interrupts have ended already. */
static void reset(void *ctx, enum tlpb_reset kind)
{
	tlpb_regs_reset(&bar0);
}

int main(int argc, char **argv)
{
	tlpb_regs_reset(&bar0);
	return tlpb_serve_main(argc, argv, &model);
}
