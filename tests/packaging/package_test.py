#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Debian packages: built, looked into, unpacked and used.

usage: package_test.py BUILD CPACK PLUGIN(yes or no)
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, CPACK, PLUGIN = sys.argv[1:4]
PATIENCE = 300


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="tlpb-package-")
        run(CPACK, "--config", BUILD + "/CPackConfig.cmake", "-B", cls.dir)
        cls.version = run(BUILD + "/bridge/tlpbridge", "--version").split()[1]
        cls.deb = {name: f"{cls.dir}/{name}_{cls.version}_amd64.deb"
                   for name in ("tlpbridge", "tlpbridge-dev")}
        cls.root = cls.dir + "/root"
        for deb in cls.deb.values():
            run("dpkg", "-x", deb, cls.root)
        cls.environment = {**os.environ, "LD_LIBRARY_PATH": cls.root + "/usr/lib"}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def field(self, package, field):
        return run("dpkg-deb", "-f", self.deb[package], field).strip()

    def contents(self, package):
        """{path: (mode, owner)} of files and links."""
        lines = run("dpkg-deb", "-c", self.deb[package]).splitlines()
        return {line.split()[5]: tuple(line.split()[:2]) for line in lines if line[0] != "d"}

    def test_dependencies_are_those_of_the_programs(self):
        depends = self.field("tlpbridge", "Depends")
        for library in ("libnng1", "libsystemc", "libpcap0.8", "libcjson1", "libc6"):
            self.assertIn(library + " (>= ", depends)
        self.assertEqual(self.field("tlpbridge-dev", "Depends"), f"tlpbridge (= {self.version})")

    def test_apt_would_install_them_here(self):
        said = run("apt-get", "--simulate", "install", "--no-install-recommends",
                   *self.deb.values(), env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertIn(f"Inst tlpbridge ({self.version}", said)
        self.assertIn(f"Inst tlpbridge-dev ({self.version}", said)

    def test_the_recommended_qemu_is_this_one_and_no_other(self):
        if PLUGIN == "no":
            self.assertEqual(self.field("tlpbridge", "Recommends"), "")
            return
        low, high = re.fullmatch(r"qemu-system-x86 \(>= (\S+)\), qemu-system-x86 \(<< (\S+)\)",
                                 self.field("tlpbridge", "Recommends")).groups()
        installed = run("dpkg-query", "-W", "-f", "${Version}", "qemu-system-x86")
        run("dpkg", "--compare-versions", low, "le", installed)
        run("dpkg", "--compare-versions", installed, "lt", high)
        run("dpkg", "--compare-versions", low + "+b9", "lt", high)     # a rebuild
        following = re.sub(r"\d+$", lambda number: str(int(number.group()) + 1), low)
        run("dpkg", "--compare-versions", following, "gt", high)        # the next revision

    def test_files_are_where_they_belong(self):
        runs, dev = self.contents("tlpbridge"), self.contents("tlpbridge-dev")
        wanted = {"./usr/bin/tlpbridge", "./usr/bin/tlpbridge-serve", "./usr/bin/endpoint-test-c",
                  "./usr/share/man/man1/endpoint-test-c.1",
                  "./usr/share/man/man1/tlpbridge-run.1", "./usr/share/doc/tlpbridge/copyright",
                  "./usr/share/tlpbridge/tlpbridge.lua",
                  f"./usr/lib/libtlpbridge.so.{self.version}"}
        if PLUGIN == "yes":
            wanted.add("./usr/lib/tlpbridge/tlpbridge-qemu.so")
        self.assertLessEqual(wanted, set(runs))
        self.assertLessEqual({"./usr/include/tlpbridge/rc.h", "./usr/lib/libtlpbridge.so",
                              "./usr/include/tlpbridge-tlm/pcie_endpoint.h",
                              "./usr/lib/libtlpbridge-tlm.a",
                              "./usr/lib/pkgconfig/tlpbridge.pc",
                              "./usr/lib/cmake/tlpbridge/tlpbridgeConfig.cmake"}, set(dev))
        self.assertEqual(set(runs) & set(dev), set(), "in both packages")
        for name in {**runs, **dev}:
            source = name.startswith("./usr/share/doc/")    # a model to copy is called so
            self.assertFalse("misfit" in name or ("test_" in name and not source), name)

    def test_owners_and_modes_are_those_of_a_package(self):
        for package in self.deb:
            for name, (mode, owner) in self.contents(package).items():
                with self.subTest(name):
                    self.assertEqual(owner, "root/root")
                    program = name.startswith("./usr/bin/")
                    self.assertIn(mode, ("-rwxr-xr-x",) if program else
                                  ("-rw-r--r--", "lrwxrwxrwx"))

    def test_nothing_names_the_directory_it_was_built_in(self):
        source = os.path.dirname(BUILD).encode()
        for directory, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    self.assertFalse(source in file.read(), path)

    def test_the_unpacked_tools_run(self):
        tool = self.root + "/usr/bin/tlpbridge"
        self.assertEqual(run(tool, "--version"), f"tlpbridge {self.version}\n")
        self.assertEqual(run(self.root + "/usr/bin/tlpbridge-serve", "--version"),
                         f"tlpbridge-serve {self.version}\n")
        self.assertIn("  edu ", run(self.root + "/usr/bin/tlpbridge-serve", "--help"))
        self.assertEqual(run(self.root + "/usr/bin/endpoint-test-c", "--version"),
                         f"endpoint-test-c {self.version}\n")

    def test_the_unpacked_plugin_is_taken_by_qemu(self):
        if PLUGIN == "no":
            self.assertFalse(os.path.exists(self.root + "/usr/lib/tlpbridge"))
            return
        said = run(self.root + "/usr/bin/tlpbridge", "run", "--model", "endpoint-test", "--",
                   "qemu-system-x86_64", "-nodefaults", "-display", "none", "-S", "-monitor",
                   "stdio", input="info qtree\nquit\n")
        self.assertIn('dev: tlpbridge, id "tlpbridge0"', said)

    def test_the_unpacked_library_links(self):
        source, program = self.dir + "/x.c", self.dir + "/x"
        with open(source, "w", encoding="ascii") as file:
            file.write("#include <stdio.h>\n#include <tlpbridge/err.h>\n"
                       "int main(void) { puts(tlpb_errname(TLPB_ERR_CLOSED)); return 0; }\n")
        flags = run("pkg-config", "--cflags", "--libs", "tlpbridge", env={
            **os.environ, "PKG_CONFIG_PATH": self.root + "/usr/lib/pkgconfig"}).split()
        run("cc", "-o", program, source, *flags)
        self.assertEqual(run(program, env=self.environment), "CLOSED\n")


if __name__ == "__main__":
    del sys.argv[1:4]
    unittest.main()
