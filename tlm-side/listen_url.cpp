// SPDX-License-Identifier: MIT
#include "listen_url.h"

#include <stdexcept>

namespace tlpb {

std::string listen_url(int argc, const char *const *argv)
{
	static const std::string option = "--listen";
	std::string url;

	for (int i = 1; i < argc; i++) {
		std::string word = argv[i];

		if (word == option && i + 1 < argc)
			url = argv[++i];
		else if (word.compare(0, option.size() + 1, option + "=") == 0)
			url = word.substr(option.size() + 1);
	}
	if (url.empty())
		throw std::invalid_argument("--listen is missing: give a URL, for example "
					    "--listen ipc:///run/x.sock");
	return url;
}

} // namespace tlpb
