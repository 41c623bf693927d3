// SPDX-License-Identifier: MIT
// The one option that every server program has.
#ifndef TLM_SIDE_LISTEN_URL_H
#define TLM_SIDE_LISTEN_URL_H

#include <string>

namespace tlpb {

/*
 * The URL of "--listen URL" or "--listen=URL" on the command line of sc_main(), for a pump or a
 * bridge_module; the last one where there are several. So that tlpbridge run can start the
 * program. The other words are the program's own and are not looked at. Never blocks. Throws
 * std::invalid_argument with cause and cure when there is none.
 */
std::string listen_url(int argc, const char *const *argv);

} // namespace tlpb

#endif
