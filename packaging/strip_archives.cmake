# SPDX-License-Identifier: MIT
# CPack strips programs and shared libraries; the archives would carry ten times their size along.
file(GLOB_RECURSE archives ${CPACK_TEMPORARY_DIRECTORY}/*.a)
foreach(archive ${archives})
	execute_process(COMMAND strip --strip-debug --enable-deterministic-archives ${archive}
		COMMAND_ERROR_IS_FATAL ANY)
endforeach()
