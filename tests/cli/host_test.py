#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tlpbridge device, probe, peek, poke, dma, irq and top against a server.

usage: host_test.py TLPBRIDGE TLPBRIDGE-SERVE
"""
import os
import pty
import signal
import socket
import subprocess
import sys
import unittest

import certificates
from server import PATIENCE, ServerCase, flow, host_command

ServerCase.TOOL = os.path.abspath(sys.argv.pop(1))
ServerCase.SERVE = os.path.abspath(sys.argv.pop(1))

COPY = ("--poke", "LOWER_SRC_ADDR=0x100000", "--poke", "LOWER_DST_ADDR=0x110000",
        "--poke", "SIZE=4K")


class Device(ServerCase):
    def test_records_show_the_device_and_its_registers(self):
        self.serve("--msix", "16")
        lines = self.good("device", self.url).splitlines()
        facts = {line[:24].strip(): line[25:] for line in lines}
        self.assertEqual(facts["name"], "endpoint-test")
        self.assertEqual((facts["vendor ID"], facts["device ID"]), ("104c", "b500"))
        self.assertEqual(facts["bar2"], "8K, memory, 32-bit, non-prefetchable, readable, writable")
        self.assertEqual(facts["MSI-X"], "16 vectors, table at bar0:0x4000, PBA at bar0:0xc000")
        self.assertTrue(any(line.startswith("bar0:0x040 READ_EFFECT") and "side effects" in line
                            for line in lines))

    def test_json_has_the_same(self):
        self.serve("--bars", "0:mem32:64K,1:io:256,2:pref64:1M")
        device = self.good_json("device", self.url)
        self.assertEqual(device["vendor_id"], "0x104c")
        self.assertEqual([(r["region"], r["size"]) for r in device["regions"]],
                         [("bar0", 65536), ("bar1", 256), ("bar2", 1 << 20)])
        self.assertIn("io", device["regions"][1]["flags"])
        self.assertLessEqual({"prefetchable", "64-bit"}, set(device["regions"][2]["flags"]))
        registers = {r["name"]: r for r in device["registers"]}
        self.assertEqual(registers["STATUS"]["offset"], "0x8")
        self.assertEqual(registers["STATUS"]["fields"][4],
                         {"name": "COPY_SUCCESS", "low": 4, "width": 1})
        self.assertEqual([registers[n]["read_effect"] for n in ("MAGIC", "READ_EFFECT")],
                         [False, True])
        self.assertEqual(registers["READ_EFFECT"]["access"], "ro")

    def test_a_file_keeps_the_same_and_is_compared(self):
        self.serve()
        self.good("device", self.url, "--save", "a.dev")
        self.assertEqual(self.good("device", "a.dev"), self.good("device", self.url))
        self.assertEqual(self.good("device", "--compare", "a.dev", self.url), "")
        other = "ipc://" + os.path.join(self.dir, "b.sock")
        self.serve("--id", "1234:5678", "--no-intx", url=other)
        status, out, errors = self.run_tool("device", "--compare", "a.dev", other)
        self.assertEqual((status, errors), (1, ""))
        self.assertEqual(out.splitlines(), ["vendor ID: 104c -> 1234", "device ID: b500 -> 5678",
                                            "INTx: INTA -> not there"])
        status, out, _ = self.run_tool("device", "--compare", other, "a.dev")
        self.assertIn("INTx: not there -> INTA", out)

    def test_broken_files_are_told_apart(self):
        self.serve()
        self.good("device", self.url, "--save", "a.dev")
        with open(os.path.join(self.dir, "a.dev"), "rb") as file:
            whole = file.read()

        def write(data):
            with open(os.path.join(self.dir, "b.dev"), "wb") as file:
                file.write(data)
        for cut in (len(whole) - 1, 20, 16):
            write(whole[:cut])
            self.fails(1, "is cut", "device", "b.dev")
        write(whole[:8])
        self.fails(1, "--save", "device", "b.dev")
        write(b"something else altogether")
        self.fails(1, "holds no device records", "device", "b.dev")
        write(whole[:4] + b"\x07" + whole[5:])
        self.fails(1, "version 7", "device", "b.dev")
        write(whole[:16] + bytes(len(whole) - 16))
        self.fails(1, "broken", "device", "b.dev")
        self.fails(1, "No such file", "device", "none.dev")


    def test_a_socket_for_a_file_is_told_its_url(self):
        self.serve()
        path = os.path.join(os.path.realpath(self.dir), "ep.sock")
        for given in ("ep.sock", "./ep.sock", path):
            self.fails(1, f"give its URL, ipc://{path}\n", "device", given)
        self.good("device", "ipc://" + path)


class Probe(ServerCase):
    def test_shows_what_lspci_shows(self):
        self.serve("--msix", "16", "--bars", "0:mem32:64K,1:io:256,2:pref64:1M")
        out = self.good("probe", self.url)
        payload = 128 if flow.CREDITS else 512      # the largest that the credits take
        for text in ("01:00.0 Unassigned class [ff00]: 104c:b500 (rev 00)",
                     "Control: I/O+ Mem+ BusMaster+ ParErr- SERR- DisINTx-",
                     "Region 0: Memory at c0000000 (32-bit, non-prefetchable) [size=64K]",
                     "Region 1: I/O ports at 1000 [size=256]",
                     "Region 2: Memory at 10000000000 (64-bit, prefetchable) [size=1M]",
                     "Capabilities: [40] Power Management", "MsgCtl: Enable- Count 1 Max 32 64bit+",
                     f"DevCap: MaxPayload {payload} bytes", "MaxReadReq 512 bytes",
                     "LnkCap: Port 0 Speed 2.5GT/s Width x1", "MsgCtl: Enable- Count 16 Masked-",
                     "Vector table: BAR 0 Offset 0x4000"):
            self.assertIn(text, out)
        self.assertRegex(out, r"bar0:0x008 +STATUS +rw +0x00000000")
        self.assertRegex(out, r"bar0:0x040 +READ_EFFECT +ro +not read")

    def test_json_and_what_is_read(self):
        self.serve()
        probe = self.good_json("probe", self.url, "-x")
        self.assertEqual([c["name"] for c in probe["capabilities"]],
                         ["Power Management", "MSI", "Express", "MSI-X"])
        self.assertIs(probe["Control"]["BusMaster"], True)
        self.assertEqual(probe["capabilities"][2]["DevCtl"]["MaxReadReq"], 512)
        self.assertEqual(probe["config"][:8], "4c1000b5")
        self.assertEqual(len(probe["config"]), 512)
        registers = {r["name"]: r for r in probe["registers"]}
        self.assertEqual(registers["STATUS"]["fields"]["COPY_FAIL"], 0)
        self.assertNotIn("value", registers["READ_EFFECT"])
        self.assertIn("not_read", registers["READ_EFFECT"])
        none = self.good_json("probe", self.url, "--no-read")["registers"]
        self.assertEqual([r for r in none if "value" in r], [])
        every = self.good_json("probe", self.url, "--read-all")["registers"]
        self.assertEqual([r for r in every if "value" not in r], [])
        self.assertEqual(every[-1]["fields"]["RESULT"], 1)   # SIZE is 0: it was read

    def test_a_hex_dump(self):
        self.serve()
        lines = self.good("probe", self.url, "-x", "--no-read").splitlines()
        self.assertIn("00: 4c 10 00 b5 07 00 10 00 00 00 00 ff 00 00 00 00", lines)


class PeekPoke(ServerCase):
    def test_places_and_widths(self):
        self.serve("--bars", "0:mem32:64K,1:io:256,2:pref64:1M")
        for bar in ("bar1", "bar2"):
            out = self.good("poke", self.url, f"{bar}:0x10", "0x12345678", f"{bar}:0x15.b", "0xab",
                            *[x for p in ("0x10", "0x10.b", "0x12.w", "0x10.q") for x in
                              ("--peek", f"{bar}:{p}")])
            self.assertEqual([line.split("= ")[1] for line in out.splitlines()],
                             ["0x12345678", "0x78", "0x1234", "0x0000ab0012345678"])
        self.assertEqual(self.good("peek", self.url, "bar2:0x10", "w"), "bar2:0x10 = 0x5678\n")
        self.assertEqual(self.good("peek", self.url, "cfg:vendor_id"),
                         "cfg:0x0 VENDOR_ID = 0x104c\n")
        self.assertEqual(self.good("peek", self.url, "bar1:0x10", "7").splitlines(),
                         ["00000010: 78 56 34 12 00 ab 00                             xV4...."])
        self.assertEqual(self.good_json("peek", self.url, "bar1:0x10", "7"),
                         {"region": "bar1", "offset": "0x10", "bytes": "7856341200ab00"})

    def test_names_and_fields(self):
        self.serve()
        out = self.good("poke", self.url, "magic", "77", "bar0:STATUS", "COPY_FAIL|READ_FAIL",
                        "--peek", "MAGIC", "--peek", "status", "--peek", "bar0:8")
        lines = out.splitlines()
        self.assertEqual(lines[0], "bar0:0x0 MAGIC = 0x0000004d")
        self.assertRegex(lines[1], r"STATUS = 0x00000022 .* READ_FAIL=1 .* COPY_FAIL=1")
        self.assertEqual(lines[2], lines[1])
        value = self.good_json("peek", self.url, "FLAGS")
        self.assertEqual((value["name"], value["fields"]), ("FLAGS", {"USE_DMA": 0}))

    def test_blocks_from_and_to_files(self):
        self.serve()
        data = os.urandom(4096)
        with open(os.path.join(self.dir, "in"), "wb") as file:
            file.write(data)
        self.good("poke", self.url, "bar1:0", "@in")
        self.good("peek", self.url, "bar1:0", "4K", "--output", "out")
        with open(os.path.join(self.dir, "out"), "rb") as file:
            self.assertEqual(file.read(), data)
        self.fails(1, "exceed bar1", "poke", self.url, "bar1:4", "@in")
        self.fails(1, "No such file", "poke", self.url, "bar1:4", "@none")

    def test_files_are_for_their_owner_only(self):
        self.serve("--trace", "server.pcap")
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.good("device", self.url, "--save", "records")
        self.good("peek", self.url, "bar1:0", "64", "--output", "block", "--trace", "host.pcap")
        self.good("dma", self.url, "--mem", "0:4K", "--dump", "0:4K=memory")
        for name in ("records", "block", "memory", "host.pcap", "server.pcap", "ep.sock"):
            mode = os.stat(os.path.join(self.dir, name)).st_mode & 0o777
            self.assertEqual(oct(mode), oct(0o600), name)

    def test_wrong_places_and_values_say_what_is_right(self):
        self.serve()
        for where, text in (("bar0:FOO", "no register \"FOO\""), ("FOO", "no register"),
                            ("bar0:0x10000", "which has 0x10000 bytes"),
                            ("bar0:0xfffe", "exceed bar0"), ("rom:0", "has no rom")):
            self.fails(1, text, "peek", self.url, where)
        for value, text in (("x", "neither a number nor a field"), ("0x100000000", "32 bits")):
            self.fails(1, text, "poke", self.url, "COMMAND", value)


class Dma(ServerCase):
    def copy(self, *more):
        return ("dma", self.url, "--mem", "0x100000:128K", "--fill", "0x100000:4K=count", *COPY,
                *more)

    def test_a_copy(self):
        self.serve(in_order=True)
        out = self.good(*self.copy("--poke", "COMMAND=COPY", "--wait", "STATUS&COPY_SUCCESS",
                                   "--peek", "STATUS", "--dump", "0x110000:4K=out",
                                   "--dump", "0x110ff0:32=-"))
        self.assertIn("device read  0x100000..0x100fff, 4096 bytes", out)
        self.assertIn("device wrote 0x110000..0x110fff, 4096 bytes", out)
        self.assertIn("COPY_SUCCESS=1", out)
        self.assertIn("00110ff0: f0 f1 f2", out)
        self.assertIn("00111000: 00 00 00", out)
        with open(os.path.join(self.dir, "out"), "rb") as file:
            self.assertEqual(file.read(), bytes(range(256)) * 16)

    def test_from_a_file(self):
        self.serve()
        data = os.urandom(4096)
        with open(os.path.join(self.dir, "in"), "wb") as file:
            file.write(data)
        self.good(*self.copy("--fill", "0x100000=in", "--fill", "0x110000:8K=byte:0x5a",
                             "--poke", "COMMAND=COPY", "--wait", "STATUS&COPY_SUCCESS==COPY_SUCCESS",
                             "--dump", "0x110000:4100=out"))
        with open(os.path.join(self.dir, "out"), "rb") as file:
            self.assertEqual(file.read(), data + b"ZZZZ")

    def test_an_interrupt_within(self):
        self.serve(in_order=True)
        run = self.good_json(*self.copy("--msix", "--poke", "IRQ_TYPE=2", "--poke", "IRQ_NUMBER=3",
                                        "--poke", "COMMAND=COPY", "--wait", "irq:2",
                                        "--peek", "STATUS"))
        self.assertEqual(run["interrupts"], [{"type": "MSI-X", "vector": 2}])
        self.assertEqual([(d["kind"], d["address"], d["bytes"]) for d in run["dma"]],
                         [("read", "0x100000", 4096), ("write", "0x110000", 4096)])

    def test_where_no_memory_is_the_device_hears_of_it(self):
        self.serve()
        out = self.good("dma", self.url, "--mem", "0:4K", "--poke", "LOWER_SRC_ADDR=0x5000",
                        "--poke", "SIZE=16", "--poke", "COMMAND=COPY", "--wait",
                        "STATUS&COPY_FAIL", "--peek", "STATUS")
        self.assertIn("SRC_ADDR_INVALID=1", out)
        self.assertIn("refused, no such address", out)

    def test_a_wait_in_vain_fails_and_tells_the_value(self):
        self.serve()
        status, out, errors = self.run_tool("dma", self.url, "--poke", "MAGIC=5",
                                            "--wait", "MAGIC==6", "--timeout", "1")
        self.assertEqual(status, 1)
        self.assertIn("MAGIC = 0x00000005", out)
        self.assertIn("--wait MAGIC==6: not within 1.0 s", errors)

    def test_wrong_memory_is_refused(self):
        memory = "--mem=0:4K"
        for options, text in ((("--mem=0x1000",), "ADDR:SIZE"), (("--mem=0:0",), "ADDR:SIZE"),
                              (("--mem=0:4K=x",), "ADDR:SIZE"), (("--mem=x:4K",), "ADDR:SIZE"),
                              (("--mem=0xfffffffffffff000:8K",), "no range"),
                              ((memory, "--mem=0xfff:1"), "overlaps"),
                              (tuple(f"--mem={i}:1" for i in range(17)), "at most 16 ranges"),
                              (("--fill=0:16=count",), "--fill: there is no memory"),
                              ((memory, "--fill=4K=x"), "--fill: there is no memory"),
                              ((memory, "--fill=0:4K"), "--fill is"),
                              ((memory, "--fill=0="), "--fill is"),
                              ((memory, "--fill=0=count"), "needs a size"),
                              ((memory, "--fill=0=byte:1"), "needs a size"),
                              ((memory, "--dump=0:4K"), "--dump is"),
                              ((memory, "--dump=0=x"), "--dump is"),
                              ((memory, "--dump=0:8K=x"), "--dump: there is no memory")):
            for command in ("dma", "irq"):
                self.fails(2, text, command, self.url, *options)
        self.fails(1, "No such file", "dma", self.url, memory, "--fill=0=none")

    def test_wrong_steps_are_refused(self):
        for options, text in ((("--poke", "x"), "WHERE=VALUE"), (("--poke", "bar0:0="), "no value"),
                              (("--poke", "bar9:0=1"), "bar0 to bar5"), (("--peek", "0x10"), "no place"),
                              (("--wait", "x"), "--wait is"), (("--wait", "x&"), "no value"),
                              (("--wait", "x&1==2z"), "no value"), (("--wait", "irq"), "which kind"),
                              (("--wait", "irq:x", "--msi"), "takes a number"),
                              (("--serve", "x"), "seconds"), (("--peek", "A",) * 257, "at most")):
            self.fails(2, text, "dma", self.url, *options)


class Irq(ServerCase):
    def test_each_kind(self):
        self.serve("--msix", "16")
        for kind, text in (("--intx", "interrupt INTA asserted"), ("--msi", "MSI vector 1"),
                           ("--msix", "MSI-X vector 1")):
            command = "RAISE_" + kind[2:].upper()
            out = self.good("irq", self.url, kind, "--poke", "IRQ_NUMBER=2",
                            "--poke", "COMMAND=" + command)
            self.assertIn(text, out)

    def test_the_best_kind_and_its_vectors(self):
        self.serve("--msix", "3")
        self.assertIn("MSI-X, 3 vectors", self.good("irq", self.url, "--count", "1", "--poke",
                                                    "IRQ_NUMBER=3", "--poke", "COMMAND=RAISE_MSIX"))
        other = "ipc://" + os.path.join(self.dir, "b.sock")
        self.serve("--msix", "0", "--msi", "0", url=other)
        self.assertIn("INTx, 1 vector\n", self.good("irq", other, "--poke", "COMMAND=RAISE_INTX"))
        self.fails(1, "has no MSI: try --intx", "irq", other, "--msi")

    def test_intx_ends_when_the_driver_acknowledges(self):
        self.serve()
        out = self.good("dma", self.url, "--intx", "--poke", "COMMAND=RAISE_INTX", "--wait", "irq",
                        "--poke", "STATUS=0", "--peek", "STATUS")
        self.assertEqual(out.splitlines()[1:3],
                         ["interrupt INTA asserted", "interrupt INTA deasserted"])

    def test_interrupts_that_do_not_come(self):
        self.serve()
        self.fails(1, "not within 1.0 s", "irq", self.url, "--timeout", "1")

    def test_a_closed_terminal_leaves_with_a_goodbye(self):
        server = self.serve()
        process = self.start("irq", self.url, "--msi")
        self.until(process.stdout.readline)
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGHUP)
        self.assertIn("connected", server.stderr.readline())
        self.assertNotIn("died", server.stderr.readline())
        process = self.start("irq", self.url, "--count", "0")
        self.until(process.stdout.readline)
        server.send_signal(signal.SIGHUP)
        self.assertEqual(server.wait(PATIENCE), 0)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertIn("the server was stopped", errors)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "ep.sock")))

    def test_nohup_keeps_both(self):
        server = self.script(f'trap "" HUP; exec "{self.SERVE}" endpoint-test --listen {self.url}')
        self.assertIn("listening", server.stderr.readline())
        process = self.script(f'trap "" HUP; exec "{self.TOOL}" irq {self.url} --count 0 >&2')
        self.assertIn("MSI-X", process.stderr.readline())
        for each in (process, server):
            each.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.good("peek", self.url, "MAGIC")

    def test_ctrl_c_is_clean(self):
        server = self.serve()
        for arguments, status in ((("--count", "0"), 0), ((), 130)):
            process = self.start("irq", self.url, "--msi", *arguments)
            self.until(lambda p=process: p.stdout.readline())
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, errors), (status, ""))
        self.assertIsNone(server.poll())
        self.good("peek", self.url, "MAGIC")


class Ecrc(ServerCase):
    def test_every_tlp_has_a_digest_once_it_is_enabled(self):
        self.serve("--ecrc")
        trace = os.path.join(self.dir, "x.pcap")
        self.good("peek", self.url, "MAGIC", "--ecrc", "--trace", trace)
        lines = self.good("trace", "show", trace).splitlines()
        last = [line for line in lines if " CplD " in line or " MRd " in line][-2:]
        self.assertTrue(all(" ECRC " in line and "wrong" not in line for line in last), last)

    def test_a_device_without_it_is_told(self):
        self.serve()
        _, out, errors = self.run_tool("peek", self.url, "MAGIC", "--ecrc")
        self.assertIn("endpoint-test has no ECRC", errors)
        self.assertIn("MAGIC", out)

    def test_what_is_spoiled_is_dropped_and_given_up(self):
        self.serve("--ecrc")
        self.fails(1, "MAGIC cannot be read: timed out", "peek", self.url, "MAGIC", "--ecrc", "--completion-timeout", "500",
                   "--inject", "corrupt part=header bit=70 type=MRd")
        self.fails(2, "--completion-timeout is milliseconds", "peek", self.url, "MAGIC",
                   "--completion-timeout", "soon")


class Network(ServerCase):
    def test_over_tls(self):
        certificates.make(self.dir)
        self.url = "tls+tcp://localhost:0"
        self.serve(*certificates.SERVER)
        self.assertNotIn(":0", self.url[-2:])
        self.assertIn("104c:b500", self.good("probe", self.url, *certificates.HOST))
        self.assertIn("= 0x00000000", self.good("peek", self.url, "MAGIC", *certificates.HOST))
        self.assertIn("endpoint-test: free", self.good("top", self.url, "--once", "--interval", "0.05",
                                                       *certificates.HOST))

    def test_what_is_wrong_with_certificates_is_told(self):
        certificates.make(self.dir)
        self.url = "tls+tcp://localhost:0"
        self.serve(*certificates.SERVER)
        for command in (("probe",), ("top", "--once")):
            self.fails(2, "tls-ca", *command, self.url)
            self.fails(1, "cannot read tls-ca", *command, self.url, "--tls-ca", "none.pem")
            self.fails(1, "asks hosts for a certificate", *command, self.url, "--tls-ca", "ca.pem")
            self.fails(1, "not for the name \"other\"", *command, self.url, *certificates.HOST,
                       "--tls-server-name", "other")

    def test_plain_tcp_beyond_loopback_must_be_meant(self):
        self.url = "tcp://0.0.0.0:0"
        self.serve("--plaintext")
        for command in (("probe",), ("top", "--once", "--interval", "0.05")):
            self.fails(1, "plaintext", *command, self.url)
            self.assertIn("endpoint-test" if command[0] == "top" else "104c:b500",
                          self.good(*command, self.url, "--plaintext"))


class Transport(ServerCase):
    """Over what frames travel, as --transport says at both ends. Each test says it itself, whatever flow.py does."""

    def link(self, *options):
        return [line for line in self.good("probe", self.url, "--no-read", *options).splitlines() if "\tLink: " in line][0]

    def test_auto_is_shared_memory_on_one_machine(self):
        self.serve("--transport", "auto", "--shm-bytes", "512K", "--no-spin")
        for options in (("auto",), ("shm",), ("shm", "--no-spin")):
            self.assertEqual(self.link("--transport", *options), "\tLink: shared memory")
        self.assertEqual(self.link("--transport", "nng"), f"\tLink: {self.url}")
        for transport in ("nng", "shm"):
            self.assertIs(self.good_json("probe", self.url, "--no-read", "--transport", transport)["shared_memory"],
                          transport == "shm")

    def test_any_url_will_do_on_one_machine(self):
        self.url = "tcp://127.0.0.1:0"
        self.serve("--transport", "shm")
        self.assertEqual(self.link("--transport", "shm"), "\tLink: shared memory")

    def test_why_there_is_none_is_told_once(self):
        self.serve("--transport", "nng")
        status, out, errors = self.run_tool("probe", self.url, "--no-read", "--transport", "auto")
        self.assertEqual(status, 0)
        self.assertIn(f"\tLink: {self.url}\n", out)
        self.assertRegex(errors, r"^tlpbridge: info: .*no shared memory: the peer does not offer it; .*\n$")
        self.assertEqual(self.run_tool("probe", self.url, "--transport", "nng")[2], "")

    def test_shm_at_one_end_and_nng_at_the_other_is_no_link(self):
        for server, host in (("nng", "shm"), ("shm", "nng")):
            process = self.serve("--transport", server)
            self.fails(1, "do not both have: shm", "probe", self.url, "--transport", host)
            process.terminate()
            process.wait(PATIENCE)

    def test_an_option_that_makes_no_sense_is_status_2(self):
        for command in ("device", "probe", "dma", "irq"):
            self.fails(2, 'transport is auto, nng or shm, not "x"', command, self.url, "--transport", "x")
        for options, text in ((("--transport", "x"), '--transport is auto, nng or shm, not "x"'),
                              *((("--shm-bytes", size), f'from 512K to 128M, not "{size}"')
                                for size in ("", "x", "511K", "129M", "1G", "1MB", "-1", "17592186044417M"))):
            done = subprocess.run([self.SERVE, "endpoint-test", "--listen", self.url, *options], text=True,
                                  capture_output=True, check=False, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)


class Top(ServerCase):
    def look(self):
        return self.good_json("top", self.url, "--once", "--interval", "0.05")["devices"][0]

    def test_over_what_frames_travel(self):
        self.serve("--transport", "auto")
        for transport in ("nng", "shm"):
            process = self.start("irq", self.url, "--count", "0", "--transport", transport)
            self.assertEqual(self.until(lambda: [d for d in [self.look()] if d["host"]])[0]["shared_memory"],
                             transport == "shm")
            text = self.good("top", self.url, "--once", "--interval", "0.05")
            self.assertEqual(" in shared memory," in text, transport == "shm")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)
            self.until(lambda: self.look()["host"] == "")

    def test_a_free_device(self):
        self.serve()
        self.assertIn("endpoint-test: free\n", self.good("top", self.url, "--once"))
        self.assertEqual(self.look()["host"], "")

    def test_who_has_it_and_what_moves(self):
        self.serve()
        process = self.start("dma", self.url, "--mem", "0x100000:128K", *COPY, "--poke",
                             "IRQ_TYPE=9", "--poke", "COMMAND=COPY", "--wait", "STATUS&COPY_SUCCESS",
                             "--wait", "MAGIC==1", "--timeout", str(PATIENCE))
        device = self.until(lambda: [d for d in [self.look()]
                                     if d["to_host"]["total"]["MWr"] >= 32 and
                                     d["to_device"]["per_second"]["MRd"] > 0])[0]
        self.assertEqual(device["host"], f"tlpbridge[{process.pid}]")
        self.assertGreaterEqual(device["to_device"]["total"]["bytes"], 4096)
        self.assertGreaterEqual(device["to_host"]["total"]["bytes"], 4096)
        out = self.good("top", self.url, "--once", "--interval", "0.05")
        self.assertIn(f"held by tlpbridge[{process.pid}]", out)
        self.assertRegex(out, r"host waits +\d+ outstanding")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.until(lambda: self.look()["host"] == "")

    def stopped_within_dma(self):
        """What the device waits for after its host was stopped; None: it was done before."""
        process = self.start("irq", self.url, "--count", "0", "--mem", "0:16M", "--poke",
                             "SIZE=16M", "--poke", "IRQ_TYPE=9",
                             *("--poke", "COMMAND=COPY|READ") * 15)
        self.until(lambda: self.look()["to_host"]["total"]["MRd"] > 0)
        process.send_signal(signal.SIGSTOP)
        looks = [self.look()["device_waits"] for _ in range(5)]
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.until(lambda: self.look()["host"] == "")
        return looks[-1] if looks[-1]["requests"] else None

    def test_what_a_device_waits_for_while_its_host_is_stopped(self):
        self.serve()
        waits = self.until(self.stopped_within_dma)
        self.assertGreater(waits["oldest_ms"], 100)
        self.assertRegex(waits["oldest"], r"DMA (read|write) of \d+ bytes at 0x")

    def test_blocks_until_ctrl_c(self):
        self.serve()
        process = self.start("top", self.url, "--interval", "0.05")
        self.assertIn("1 device", process.stdout.readline())
        self.assertIn("free", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (0, ""))

    def test_a_terminal_is_redrawn(self):
        self.serve()
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.Popen([self.TOOL, "top", self.url, "--interval", "0.05"],
                                   stdout=slave, stderr=subprocess.PIPE)
        os.close(slave)
        self.addCleanup(self.stop, process)
        seen = b""
        while seen.count(b"\x1b[H\x1b[J") < 3:
            seen += os.read(master, 4096)
        self.assertIn(b"endpoint-test: free", seen)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_a_server_that_leaves(self):
        server = self.serve()
        process = self.start("top", self.url, "--interval", "0.05", "--connect-timeout", "3000")
        self.assertIn("1 device", process.stdout.readline())
        server.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertIn("nobody listens", errors)


class CommandLine(ServerCase):
    COMMANDS = ("device", "probe", "peek", "poke", "dma", "irq", "top")

    def test_help_names_every_command(self):
        out = self.good("--help")
        for command in (*self.COMMANDS, "tlp", "trace"):
            self.assertRegex(out, rf"\n  {command} ")
            self.assertIn(f"usage: tlpbridge {command} ", self.good(command, "--help"))

    def test_what_is_wrong_is_status_2(self):
        for arguments in (*[(c,) for c in self.COMMANDS], ("probe", "a", "b"), ("peek", "a"),
                          ("poke", "a", "b"), ("poke", "a", "b", "c", "d"), ("top", "a", "b"),
                          ("device", "--compare", "a"), ("device", "a", "--nonsense"),
                          ("probe", "a", "--connect-timeout", "x"), ("dma", "a", "--count", "1"),
                          ("irq", "a", "--count", "x"), ("top", "a", "--interval", "0"),
                          ("peek", "a", "b", "--output", "x"), ("prbe",),
                          *[(c, "x://y") for c in self.COMMANDS if c not in ("peek", "poke")],
                          ("probe", "./x.sock"), ("probe", "tcp://host"), ("top", "fd:0"),
                          ("device", "--compare", "x://y", "x://y")):
            status, out, errors = self.run_tool(*arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertTrue(errors.startswith("tlpbridge: "), errors)

    def test_places_and_values_that_no_device_has_are_status_2(self):
        for where, text in (("bar9:0", "bar0 to bar5"), ("bar0:0x1zz", "is no offset"),
                            ("bar0:", "is no offset"), ("bar0:1.x", "is no offset"),
                            ("0x10", "is no place"), ("", "is no place"), ("A" * 96, "too long")):
            self.fails(2, text, "peek", self.url, where)
            self.fails(2, text, "poke", self.url, where, "1")
            self.fails(2, text, "poke", self.url, "A", "1", "--peek", where)
        for value in ("", "COPY|", "|1", "1||2", "0x1zz", "1" * 256):
            self.fails(2, "is no value", "poke", self.url, "COMMAND", value)
        self.fails(2, "needs the name of a file", "poke", self.url, "bar0:0", "@")
        for extent, text in (("x", "neither a width"), ("0", "LENGTH is"), ("2G", "LENGTH is")):
            self.fails(2, text, "peek", self.url, "bar0:0", extent)
        self.fails(2, "goes with a LENGTH", "peek", self.url, "bar0:0", "b", "--output", "x")

    def test_one_kind_of_interrupt_at_a_time(self):
        kinds = ("--intx", "--msi", "--msix")
        for command in ("dma", "irq"):
            for first in kinds:
                for second in kinds:
                    arguments = (command, self.url, first, second, "--connect-timeout", "1")
                    if first == second:
                        self.fails(1, "nobody listens", *arguments)
                    else:
                        self.fails(2, f"{first} and {second} exclude each other", *arguments)

    def test_no_server(self):
        for arguments in (("device", self.url), ("probe", self.url), ("peek", self.url, "bar0:0"),
                          ("poke", self.url, "bar0:0", "0"), ("dma", self.url), ("irq", self.url),
                          ("top", self.url)):
            self.fails(1, "nobody listens", *arguments, "--connect-timeout", "200")
        self.fails(2, "\"x://y\"", "probe", "x://y")

    def test_ctrl_c_while_nobody_answers(self):
        process = self.start("probe", self.url)
        self.assertIn("waiting for a server", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (130, "tlpbridge: interrupted\n"))

    def test_ctrl_c_while_the_server_is_stopped(self):
        server = self.serve()
        process = self.start("irq", self.url, "--count", "0")
        self.assertIn("MSI-X", process.stdout.readline())
        server.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0)

    def test_a_device_that_is_held(self):
        self.serve()
        holder = self.start("irq", self.url, "--count", "0")
        self.until(holder.stdout.readline)
        self.fails(1, "in use", "probe", self.url)
        self.fails(1, "no such device", "probe", self.url, "--device", "other")

    def test_a_trace_of_it(self):
        self.serve()
        self.good("peek", self.url, "MAGIC", "--trace", "x.pcap", "--device", "endpoint-test")
        self.assertIn("MRd 0xc0000000 4 bytes", self.good("trace", "show", "x.pcap"))

    def test_a_trace_that_is_incomplete_is_a_failure(self):
        self.serve()
        for command in (("peek", self.url, "MAGIC"), ("probe", self.url)):
            self.fails(1, "the trace is incomplete", *command, "--trace", "/dev/full")

    def test_the_server_s_trace_can_be_read_when_a_host_has_left(self):
        server = self.serve("--trace", "x.pcap")
        self.good("peek", self.url, "MAGIC")
        self.until(lambda: self.run_tool("trace", "show", "x.pcap")[0] == 0)
        self.assertIn("GOODBYE", self.good("trace", "show", "x.pcap"))
        self.assertIsNone(server.poll())

    def test_a_full_disk_is_told(self):
        self.serve()
        for arguments in (("probe", self.url), ("--help",), ("dma", "--help")):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([self.TOOL, *arguments], stdout=full, text=True,
                                      stderr=subprocess.PIPE, check=False, timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn("No space left", done.stderr)

    def test_output_that_was_lost_on_the_way_is_told(self):
        self.serve()
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(host_command(self.TOOL, "irq", self.url, "--msi", "--poke", "IRQ_NUMBER=1",
                                               "--poke", "COMMAND=RAISE_MSI"), stdout=full, text=True,
                                  stderr=subprocess.PIPE, check=False, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "tlpbridge: cannot write: output was lost\n"))

    def test_a_socket_path_of_any_characters(self):
        self.url = "ipc://" + os.path.join(self.dir, "\u00fc\u2713\U0001f427.sock")
        self.serve()
        self.assertIn("MAGIC", self.good("peek", self.url, "MAGIC"))

    def test_closed_standard_descriptors_are_nobody_elses(self):
        server = self.script(f'exec "{self.SERVE}" endpoint-test --listen {self.url} <&- >&- 2>&-')
        self.until(lambda: os.path.exists(os.path.join(self.dir, "ep.sock")))
        self.assertIn("MAGIC", self.good("peek", self.url, "MAGIC"))
        for number in "012":
            self.assertEqual(os.readlink(f"/proc/{server.pid}/fd/{number}"), "/dev/null")
        done = self.script(f'exec "{self.TOOL}" peek {self.url} MAGIC >&-')
        self.assertIn("cannot write: Bad file descriptor", done.communicate(timeout=PATIENCE)[1])
        self.assertEqual(done.returncode, 1)

    def test_a_server_at_an_inherited_socket_ends_with_its_host(self):
        for _ in range(10):     # whoever takes the goodbye, the server's wait or its look before
            ours, theirs = socket.socketpair()
            server = subprocess.Popen([self.SERVE, "endpoint-test", "--listen", f"fd:{theirs.fileno()}"],
                                      pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
            self.addCleanup(self.stop, server)
            host = subprocess.Popen([self.TOOL, "peek", f"fd:{ours.fileno()}", "MAGIC"],
                                    pass_fds=[ours.fileno()], stdout=subprocess.DEVNULL)
            self.addCleanup(self.stop, host)
            ours.close()
            theirs.close()
            self.assertEqual((host.wait(PATIENCE), server.wait(PATIENCE)), (0, 0))

    def test_a_vector_that_the_device_lacks_is_not_waited_for(self):
        self.serve("--msix", "4")
        self.fails(1, "the vector is 0 to 3", "dma", self.url, "--msix", "--wait", "irq:4")


if __name__ == "__main__":
    unittest.main()
