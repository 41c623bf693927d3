# SPDX-License-Identifier: MIT
"""What a server and a guest need for each transport: URLs, options, certificates, descriptors."""
import os
import re
import socket
import subprocess

DOCUMENT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../docs/transports.md")


class Ipc:
    """A socket file. The other transports differ from it."""

    one_device = False          # does a server have but one device, and one host?
    ends_with_host = False      # does a server end when its host has left?
    server_options = ()
    server_fds = host_fds = ()
    host_options = ""

    def __init__(self, directory, number):
        self.listen = f"ipc://{directory}/s{number}.sock"

    def url(self, server_log):
        """For hosts; server_log is what the server has said."""
        return re.search(r"listening at ([^,]*),", server_log).group(1)

    def server_has_started(self):
        pass

    def host_has_started(self):
        pass

    def close(self):
        pass


class Tcp(Ipc):
    def __init__(self, directory, number):
        self.listen = "tcp://127.0.0.1:0"


class Tls(Ipc):
    """Both show certificates, which the commands of the documentation make."""

    def __init__(self, directory, number):
        self.listen = "tls+tcp://localhost:0"
        if not os.path.exists(f"{directory}/ca.pem"):
            make_certificates(directory)
        self.server_options = ["--tls-ca", f"{directory}/ca.pem", "--tls-cert", f"{directory}/localhost.pem",
                               "--tls-key", f"{directory}/localhost.key"]
        self.host_options = f",tls-ca={directory}/ca.pem,tls-cert={directory}/qemu.pem,tls-key={directory}/qemu.key"


class Fd(Ipc):
    """One end of a connected pair of sockets each; nobody else keeps one, so that the death of either is seen."""

    one_device = True
    ends_with_host = True

    def __init__(self, directory, number):
        self.ends = socket.socketpair()
        self.server_fds, self.host_fds = [[end.fileno()] for end in self.ends]
        self.listen = f"fd:{self.server_fds[0]}"

    def url(self, server_log):
        return f"fd:{self.host_fds[0]}"

    def server_has_started(self):
        self.ends[0].close()

    def host_has_started(self):
        self.ends[1].close()

    def close(self):
        for end in self.ends:
            end.close()


transports = {"ipc": Ipc, "tcp": Tcp, "tls": Tls, "fd": Fd}


def make_certificates(directory):
    with open(DOCUMENT, encoding="utf-8") as document:
        commands = re.search(r"^```sh\n(.*?)^```", document.read(), re.S | re.M).group(1)
    subprocess.run(["sh", "-ec", commands], cwd=directory, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
