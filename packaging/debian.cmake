# SPDX-License-Identifier: MIT
# Two Debian packages by CPack: tlpbridge, and tlpbridge-dev for those who write models or hosts.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tlpbridge)
set(CPACK_PACKAGE_CONTACT "The tlpbridge authors <tlpbridge@example.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/strip_archives.cmake)
set(CPACK_COMPONENTS_ALL run dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_COMPONENT_RUN_DESCRIPTION
"PCI Express endpoints in SystemC/TLM for QEMU
tlpbridge lets an unmodified guest driver, in the QEMU of the distribution,
drive a PCI Express endpoint that is a SystemC/TLM model in another process.
This package has the server with its models, a model in plain C, the plugin for QEMU, the tools, the C library
and a dissector for Wireshark.")
set(CPACK_DEBIAN_RUN_PACKAGE_NAME tlpbridge)
set(CPACK_DEBIAN_RUN_PACKAGE_SECTION electronics)
set(CPACK_DEBIAN_RUN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)

set(CPACK_COMPONENT_DEV_DESCRIPTION
"PCI Express endpoints in SystemC/TLM for QEMU, development files
Headers and libraries for models, and for hosts that drive them without QEMU;
CMake and pkg-config files; examples.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME tlpbridge-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "tlpbridge (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "libsystemc-dev, libpcap-dev, libnng-dev, pkg-config")

# The plugin loads only into the QEMU that it was built for, of which the archive may hold
# rebuilds (+b1). Not a dependency: that would keep a security update of QEMU away, while the
# plugin itself says what to do when it meets another QEMU.
if(TLPB_QEMU_HEADERS)
	file(STRINGS ${TLPB_QEMU_HEADERS}/version line REGEX QEMU_SOURCE_VERSION)
	string(REGEX REPLACE ".*='(.*)'" "\\1" qemu "${line}")
	set(CPACK_DEBIAN_RUN_PACKAGE_RECOMMENDS
		"qemu-system-x86 (>= ${qemu}), qemu-system-x86 (<< ${qemu}.0~)")
endif()
include(CPack)
