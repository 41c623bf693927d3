// SPDX-License-Identifier: MIT
// libsystemc wants it; the tests have main() of their own.
#include <systemc>

int sc_main(int, char **)
{
	return 0;
}
