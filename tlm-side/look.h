// SPDX-License-Identifier: MIT
/*
 * A look at the links, in which the library calls back.
 *
 * Threads: the SystemC thread.
 */
#ifndef TLM_SIDE_LOOK_H
#define TLM_SIDE_LOOK_H

namespace tlpb {

/*
 * One lives around each call that handles what has arrived. Such a call may be made in a
 * thread process, and yet nothing may wait in the callbacks: the library is in the middle of it.
 */
class look {
public:
	look() { depth++; }
	~look() { depth--; }

	look(const look &) = delete;
	look &operator=(const look &) = delete;

	static bool under_way() { return depth; }

private:
	static inline unsigned depth = 0;	// a debug access in a callback looks again
};

} // namespace tlpb

#endif
