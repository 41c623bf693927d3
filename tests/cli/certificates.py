# SPDX-License-Identifier: MIT
"""Certificates made by the commands of docs/transports.md."""
import os
import re
import subprocess

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/transports.md")

# What the commands of that page give to a server, and to a host of it.
SERVER = ("--tls-cert", "localhost.pem", "--tls-key", "localhost.key", "--tls-ca", "ca.pem")
HOST = ("--tls-ca", "ca.pem", "--tls-cert", "qemu.pem", "--tls-key", "qemu.key")


def make(directory):
    """Run the page's first block of commands in directory."""
    with open(DOCUMENT, encoding="utf-8") as file:
        commands = re.search(r"^```sh\n(.*?)^```$", file.read(), re.M | re.S).group(1)
    subprocess.run(["sh", "-e", "-c", commands], cwd=directory, check=True, timeout=120,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
