// SPDX-License-Identifier: MIT
// The same tests as C++, and what only C++ has.
#include "gtest_child.c"
#include <stdexcept>

namespace {
enum class Colour { red, green };

struct Guard {
	~Guard() { puts("destructor ran"); }
};
}

TEST(Good, ComparesScopedEnums)
{
	EXPECT_NE(Colour::red, Colour::green);
	EXPECT_EQ(nullptr, static_cast<int *>(nullptr));
}

TEST(Cpp, RunsDestructorsAtAssert)
{
	Guard guard;

	ASSERT_TRUE(false);
}

TEST(Cpp, ReportsAnException)
{
	throw std::runtime_error("out of luck");
}
