// SPDX-License-Identifier: MIT
// --listen on the command line of programs with a pump or a bridge_module.
#include <gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "listen_url.h"

namespace {

std::string url_in(std::vector<const char *> words)
{
	words.insert(words.begin(), "program");
	return tlpb::listen_url(static_cast<int>(words.size()), words.data());
}

bool refused(const std::vector<const char *> &words)
{
	try {
		url_in(words);
		return false;
	} catch (const std::invalid_argument &e) {
		return std::string(e.what()).find("--listen is missing") == 0;
	}
}

} // namespace

TEST(ListenUrl, IsTakenInBothSpellings)
{
	EXPECT_TRUE(url_in({ "--listen", "ipc:///a" }) == "ipc:///a");
	EXPECT_TRUE(url_in({ "--listen=ipc:///a=b" }) == "ipc:///a=b");
}

TEST(ListenUrl, StandsAnywhereAndTheLastOneCounts)
{
	EXPECT_TRUE(url_in({ "x", "--listen", "ipc:///a", "--y", "--listen=fd:3", "z" }) == "fd:3");
	EXPECT_TRUE(url_in({ "--listen=fd:3", "--listener", "no" }) == "fd:3");
}

TEST(ListenUrl, MustBeThere)
{
	EXPECT_TRUE(refused({}));
	EXPECT_TRUE(refused({ "ipc:///a" }));
	EXPECT_TRUE(refused({ "--listen" }));
	EXPECT_TRUE(refused({ "--listen=" }));
	EXPECT_TRUE(refused({ "--listener=ipc:///a" }));
}
