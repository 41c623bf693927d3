#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What cmake --install puts somewhere else works there: tools, libraries, examples, manual pages.

usage: install_test.py BUILD CMAKE CC CXX PLUGIN(yes or no)
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BUILD, CMAKE, CC, CXX, PLUGIN = sys.argv[1:6]
PATIENCE = 300


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout


class Installed(unittest.TestCase):
    """Installed once, then moved: nothing may depend on where it was installed to."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="tlpb-install-")
        run(CMAKE, "--install", BUILD, "--prefix", cls.dir + "/first")
        cls.prefix = cls.dir + "/moved"
        os.rename(cls.dir + "/first", cls.prefix)
        [cls.libdir] = [os.path.dirname(name) for name in
                        glob.glob(cls.prefix + "/lib/**/libtlpbridge.so", recursive=True)]
        cls.examples = cls.prefix + "/share/doc/tlpbridge/examples"
        cls.environment = {**os.environ, "LD_LIBRARY_PATH": cls.libdir,
                           "PKG_CONFIG_PATH": cls.libdir + "/pkgconfig"}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def run_here(self, *command):
        return run(*command, env=self.environment)

    def pkg_config(self, module):
        return self.run_here("pkg-config", "--cflags", "--libs", module).split()

    def build_by_cmake(self, source, name):
        build = f"{self.dir}/cmake-{name}"
        self.run_here(CMAKE, "-S", source, "-B", build, "-DCMAKE_PREFIX_PATH=" + self.prefix)
        self.run_here(CMAKE, "--build", build)
        return f"{build}/{name}"

    def build_by_cc(self, module, compiler, source, name):
        program = f"{self.dir}/cc-{name}"
        self.run_here(compiler, "-o", program, source, *self.pkg_config(module))
        return program

    def serve(self, *command):
        """Start a server that listens at the path that is returned."""
        path = tempfile.mktemp(suffix=".sock", dir=self.dir)
        with open(path + ".log", "wb") as log:
            server = subprocess.Popen([word.replace("URL", "ipc://" + path) for word in command],
                                      env=self.environment, stdout=log, stderr=log)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(path):
            self.assertIsNone(server.poll(), "the server ended")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        return "ipc://" + path

    # ---- what users build ----

    def test_examples_built_outside_of_the_tree_talk_to_each_other(self):
        model = self.build_by_cmake(self.examples + "/register-model", "register-model")
        host = self.build_by_cc("tlpbridge", CC, self.examples + "/read-register/read_register.c",
                                "read-register")
        said = self.run_here(host, self.serve(model, "--listen", "URL"))
        self.assertEqual(said, "device 1234:0001, BAR0 of 4096 bytes begins with 0x600d600d\n")

    def test_the_other_way_round_works_too(self):
        model = self.build_by_cc("tlpbridge-tlm", CXX,
                                 self.examples + "/register-model/register_model.cpp",
                                 "register-model")
        host = self.build_by_cmake(self.examples + "/read-register", "read-register")
        said = self.run_here(host, self.serve(model, "--listen", "URL"))
        self.assertIn("begins with 0x600d600d", said)

    def test_every_example_is_a_project_of_its_own(self):
        for name in sorted(os.listdir(self.examples)):
            with self.subTest(name):
                program = self.build_by_cmake(f"{self.examples}/{name}", name)
                self.assertTrue(os.access(program, os.X_OK))

    def test_the_archive_can_be_linked_instead(self):
        source = self.dir + "/static"
        os.mkdir(source)
        shutil.copy(self.examples + "/read-register/read_register.c", source)
        with open(source + "/CMakeLists.txt", "w", encoding="ascii") as file:
            file.write("cmake_minimum_required(VERSION 3.25)\nproject(static LANGUAGES C)\n"
                       "find_package(tlpbridge 0.1 REQUIRED COMPONENTS static)\n"
                       "add_executable(static read_register.c)\n"
                       "target_link_libraries(static PRIVATE tlpbridge::static)\n")
        program = self.build_by_cmake(source, "static")
        self.assertNotIn("libtlpbridge", run("readelf", "-d", program))
        url = self.serve(self.prefix + "/bin/tlpbridge-serve", "endpoint-test", "--listen", "URL")
        self.assertIn("device 104c:b500", self.run_here(program, url))

    def test_all_models_are_served(self):
        tool = self.prefix + "/bin/tlpbridge"
        edu = self.serve(self.prefix + "/bin/tlpbridge-serve", "edu", "--listen", "URL")
        self.assertIn("1234:11e8", self.run_here(tool, "probe", edu))
        model = self.serve(self.prefix + "/bin/endpoint-test-c", "--listen", "URL")
        self.assertIn("104c:b500", self.run_here(tool, "probe", model))

    def test_a_component_that_does_not_exist_is_not_found(self):
        source = self.dir + "/missing"
        os.mkdir(source)
        with open(source + "/CMakeLists.txt", "w", encoding="ascii") as file:
            file.write("cmake_minimum_required(VERSION 3.25)\nproject(missing LANGUAGES C)\n"
                       "find_package(tlpbridge REQUIRED COMPONENTS nonsense)\n")
        with self.assertRaisesRegex(AssertionError, "nonsense"):
            self.build_by_cmake(source, "missing")

    # ---- what is there ----

    def test_the_library_exports_the_documented_calls_and_nothing_else(self):
        headers = "".join(open(name, encoding="utf-8").read()
                          for name in glob.glob(self.prefix + "/include/tlpbridge/*.h"))
        table = run("nm", "-D", "--defined-only", self.libdir + "/libtlpbridge.so")
        exported = {line.split()[-1] for line in table.splitlines()}
        public = {line.split()[-1] for line in run(
            "nm", "-g", "--defined-only", self.libdir + "/libtlpbridge.a").splitlines()
            if re.search(r" [TDBR] tlpb_[a-z]", line)}
        self.assertGreater(len(exported), 20)
        self.assertEqual(exported, public)
        self.assertEqual(exported - set(re.findall(r"\btlpb_\w+", headers)), set())

    def test_the_library_has_its_version_in_its_name(self):
        version = self.run_here("pkg-config", "--modversion", "tlpbridge").strip()
        self.assertEqual(run(self.prefix + "/bin/tlpbridge", "--version"), f"tlpbridge {version}\n")
        soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", self.libdir +
                                                    "/libtlpbridge.so")).group(1)
        self.assertEqual(soname, "libtlpbridge.so." + version.rpartition(".")[0])
        self.assertTrue(os.path.exists(f"{self.libdir}/{soname}"))

    def test_every_header_can_be_included_alone(self):
        flags = self.run_here("pkg-config", "--cflags", "tlpbridge").split()
        for header in sorted(glob.glob(self.prefix + "/include/tlpbridge/*.h")):
            with self.subTest(os.path.basename(header)):
                run(CC, "-std=c11", "-Wall", "-Werror", "-fsyntax-only", *flags, "-x", "c", "-",
                    input=f"#include <tlpbridge/{os.path.basename(header)}>\n")

    def test_the_tool_finds_what_belongs_to_it(self):
        plugin = () if PLUGIN == "yes" else ("--plugin", "/dev/null")
        said = run(self.prefix + "/bin/tlpbridge", "run", "--model", "endpoint-test", *plugin,
                   "--dry-run", "--", "qemu-system-x86_64")
        self.assertIn(self.prefix + "/bin/tlpbridge-serve endpoint-test", said)
        if PLUGIN == "yes":
            self.assertIn(f"-plugin {self.libdir}/tlpbridge/tlpbridge-qemu.so", said)

    def test_documents_and_dissector_are_there(self):
        for name in ("share/tlpbridge/tlpbridge.lua", "share/doc/tlpbridge/README.md",
                     "share/doc/tlpbridge/docs/getting-started.md",
                     "share/doc/tlpbridge/copyright"):
            self.assertTrue(os.path.exists(f"{self.prefix}/{name}"), name)

    def test_links_between_documents_lead_to_what_is_installed(self):
        top, seen = self.prefix + "/share/doc/tlpbridge", set()
        pages = glob.glob(top + "/*.md") + glob.glob(top + "/docs/**/*.md", recursive=True)
        for page in pages:
            with open(page, encoding="utf-8") as file:
                links = re.findall(r"\]\((?!\w+:)([^)#]+)", file.read())
            for link in links:
                target = os.path.normpath(os.path.join(os.path.dirname(page), link))
                with self.subTest(f"{os.path.relpath(page, top)}: {link}"):
                    self.assertTrue(target.startswith(top + "/"), "leads out of the documentation")
                    self.assertTrue(os.path.exists(target))
                seen.add(os.path.relpath(target, top))
        self.assertLessEqual({"docs/run.md", "models/endpoint-test", "docs/models/edu.md"}, seen)

    def test_destdir_gets_the_same_files(self):
        staged = self.dir + "/staged"
        run(CMAKE, "--install", BUILD, "--prefix", "/opt/x", env={**os.environ, "DESTDIR": staged})
        self.assertEqual(self.files(staged + "/opt/x"), self.files(self.prefix))

    @staticmethod
    def files(top):
        return sorted(os.path.relpath(os.path.join(directory, name), top)
                      for directory, _, names in os.walk(top) for name in names)


class ManualPages(unittest.TestCase):
    """Each command has a page, with the options that its --help names and no others."""

    tool, serve = BUILD + "/bridge/tlpbridge", BUILD + "/tlm-side/tlpbridge-serve"
    model = BUILD + "/models-c/endpoint-test-c"
    pages = BUILD + "/packaging/man1/"

    def page(self, name):
        with open(self.pages + name + ".1", encoding="utf-8") as file:
            return re.sub(r"\\f[BR]|\\&", "", file.read()).replace("\\-", "-").replace("\\e", "\\")

    @staticmethod
    def options(text):
        return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))

    def commands(self):
        listed = run(self.tool, "--help").split("Commands:\n")[1].split("\n\n")[0]
        return re.findall(r"^  (\S+)", listed, re.M)

    def test_every_command_has_its_page(self):
        wanted = {f"tlpbridge-{command}.1" for command in self.commands()}
        self.assertGreaterEqual(len(wanted), 3)
        self.assertEqual(set(os.listdir(self.pages)),
                         wanted | {"tlpbridge.1", "tlpbridge-serve.1", "endpoint-test-c.1"})

    def test_pages_and_help_name_the_same_options(self):
        for command in self.commands():
            with self.subTest(command):
                page = self.page("tlpbridge-" + command)
                text = run(self.tool, command, "--help")
                self.assertEqual(self.options(page), self.options(text))
                self.assertIn(".SH SYNOPSIS", page)
        self.assertIn("--model", self.options(self.page("tlpbridge-run")))
        self.assertEqual(self.options(self.page("tlpbridge")),
                         self.options(run(self.tool, "--help")))

    def test_pages_hold_every_word_of_the_help(self):
        for command in self.commands():
            with self.subTest(command):
                page = set(self.page("tlpbridge-" + command).split())
                text = re.sub("(?i)usage:", "", run(self.tool, command, "--help"))
                headings = set(re.findall(r"^(\S.*):$", text, re.M))
                words = {word for line in text.splitlines() if line.rstrip(":") not in headings
                         for word in line.split()}
                self.assertEqual(words - page, set())

    def test_the_server_s_page_has_the_options_of_every_model(self):
        text = run(self.serve, "--help")
        listed = text.split("Models:\n")[1].split("\n\n")[0]
        for model in re.findall(r"^  (\S+)", listed, re.M):
            text += run(self.serve, model, "--help")
        self.assertEqual(self.options(self.page("tlpbridge-serve")), self.options(text))

    def test_the_model_in_c_has_its_page(self):
        page = self.page("endpoint-test-c")
        text = run(self.model, "--help")
        self.assertEqual(self.options(page), self.options(text))
        self.assertIn("--bars", self.options(page))
        self.assertIn(".SH SYNOPSIS\n.nf\nendpoint-test-c --listen URL", page)

    def test_pages_are_good_roff(self):
        for name in os.listdir(self.pages):
            with self.subTest(name):
                done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-rLL=200n", "-z",
                                       self.pages + name], capture_output=True, text=True,
                                      timeout=PATIENCE)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    del sys.argv[1:6]
    unittest.main()
