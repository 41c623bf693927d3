// SPDX-License-Identifier: MIT
/*
 * Generic payloads for requests of a host, with their kit::tlp_extension and a memory
 * manager, as the base protocol wants it for nb_transport.
 *
 * Threads: the SystemC thread; nothing waits.
 */
#ifndef TLM_SIDE_REQUEST_PAYLOAD_H
#define TLM_SIDE_REQUEST_PAYLOAD_H

#include <memory>
#include <tlm>
#include <tlpbridge/ep.h>
#include <vector>

#include "kit/atomic_extension.h"
#include "kit/tlp_extension.h"

namespace tlpb {

class request_payload : public tlm::tlm_generic_payload {
public:
	explicit request_payload(tlm::tlm_mm_interface *manager);
	~request_payload() override;

	// Everything from request, whose data and byte enables are borrowed. vf: as in the extension.
	void fill(const tlpb_ep_request &request, unsigned vf);

	// What the model's response, and what it left in the extensions, mean to the host.
	tlpb_cpl_status status();
	bool poisoned() const { return extension.poisoned; }

private:
	void fill_extension(const tlpb_ep_request &request);
	void fill_atomic(const tlpb_ep_request &request);

	kit::tlp_extension extension;
	kit::atomic_extension atomic;	// set only where it is an AtomicOp
};

/*
 * Payloads that are used again. One that a model still holds is free when the
 * model releases it. The pool outlives the simulation's use of them.
 */
class payload_pool : public tlm::tlm_mm_interface {
public:
	// Filled and acquired once; release() gives it back.
	request_payload &take(const tlpb_ep_request &request, unsigned vf);

	void free(tlm::tlm_generic_payload *payload) override;

private:
	std::vector<std::unique_ptr<request_payload>> all;
	std::vector<request_payload *> unused;
};

} // namespace tlpb

#endif
