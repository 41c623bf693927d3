// SPDX-License-Identifier: MIT
/*
 * A whole device from a model of the kit: an endpoint with all of its functions, each bound to its
 * part of the model.
 *
 * Threads: the SystemC thread, during elaboration.
 */
#ifndef TLM_SIDE_MODEL_BINDING_H
#define TLM_SIDE_MODEL_BINDING_H

#include <memory>
#include <vector>

#include "kit/pcie_function.h"
#include "pcie_endpoint.h"

namespace tlpb {

/*
 * Bind everything that a function and its model have: BARs, DMA, interrupts, messages, resets, and the same of
 * its virtual functions. Both live as long as the simulation. Throws std::invalid_argument
 * where the model has other virtual functions than its description says.
 */
void bind_model(endpoint_function &function, kit::pcie_function &model);

// The functions of a device but function 0, which owner makes first.
using further_functions = std::vector<std::unique_ptr<endpoint_function>>;

/*
 * bind_model(), and a module beside it for each further function of the model, which the caller
 * keeps. Throws std::invalid_argument as their constructors.
 */
further_functions bind_device(pcie_endpoint &endpoint, kit::pcie_function &model);

} // namespace tlpb

#endif
