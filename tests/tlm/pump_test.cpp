// SPDX-License-Identifier: MIT
/*
 * The pump and signals.
 */
#include <csignal>
#include <string>
#include <unistd.h>

#include "gtest.h"
#include "pump.h"

namespace {

std::string socket_path()
{
	return "/tmp/tlpbridge-pump-" + std::to_string(getpid()) + ".sock";
}

} // namespace

TEST(Pump, ASignalBeforeItRunsEndsItAndTheSocketGoes)
{
	for (int signal : { SIGINT, SIGTERM }) {
		{
			tlpb::pump pump("ipc://" + socket_path());

			EXPECT_EQ(access(socket_path().c_str(), F_OK), 0);
			raise(signal);
			EXPECT_EQ(pump.run(), 0);
		}
		EXPECT_NE(access(socket_path().c_str(), F_OK), 0);
	}
}
