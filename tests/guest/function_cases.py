# SPDX-License-Identifier: MIT
"""Cases about devices of several functions, virtual ones, and capabilities beyond the usual."""
from cases import IOMMU, case
from life_cases import LOSS, NATIVE

IOMMU_SPEAKS = "vtd_|New fault is not recorded"     # QEMU tells of the fault that is tried


@case
def sriov(session):
    """virtual functions by sriov_numvfs: registers, DMA and MSI-X of each, resets, and their end"""
    # An ID that the driver does not know: of those that it knows it wants MSI, which VFs have not.
    server = session.server("--vfs", "12", "--id", "1234:b500", "--msix", "4", "--aer")
    trace = session.file("t.pcap")
    console = session.guest("sriov.sh", server, qemu=IOMMU, append="intel_iommu=on", trace=trace)
    session.end(console, expected=IOMMU_SPEAKS)
    session.trace_is_sound(trace)


@case
def functions(session):
    """three functions of one device: pins, MSI, MSI-X, DMA, a reset of one, and VFs of the last"""
    server = session.server("--functions", "3", "--vfs", "2", "--msix", "4", "--aer")
    trace = session.file("t.pcap")
    session.end(session.guest("functions.sh", server, qemu=IOMMU, append="intel_iommu=on", trace=trace))
    session.trace_is_sound(trace)


@case
def resize(session):
    """a BAR made larger and smaller through sysfs"""
    server = session.server("--bars", "0:mem32:64K,2:pref64:4M", "--resizable", "2:64M", "--msix", "8",
                            model="endpoint-test-c")
    session.end(session.guest("resize.sh", server))


ALL = ("aer,ecrc,ari,ltr,pme,soft-reset,10-bit-tags,atomic-32,atomic-64,cas-128,atomic-requests,deferrable-writes,"
       "deferrable-write-requests")


@case
def capabilities(session):
    """lspci finds all that a device can have, and nothing odd"""
    server = session.server("--bars", "0:mem32:64K,2:pref64:1M", "--resizable", "2:4M", "--msix", "8", "--functions", "2",
                            "--vfs", "2", "--has", ALL, model="endpoint-test-c")
    session.end(session.guest("capabilities.sh", server))


@case
def unbind(session):
    """the driver is taken from the device in the middle of a transfer"""
    session.end(session.guest("unbind.sh", session.server("--msix", "8"), append="memmap=16M$0x10000000"))


@case
def functions_return(session):
    """the server of functions and VFs in use dies and returns; native hot-plug removes and adds all of them"""
    server = session.server("--functions", "2", "--vfs", "2", "--id", "1234:b500", "--msix", "4")
    console = session.guest("functions_return.sh", server, qemu=NATIVE, host={"kill": server.kill, "start": server.start})
    session.end(console, expected=LOSS)


@case
def sriov_vfio(session):
    """a user program as the driver of a virtual function, through vfio-pci and an IOMMU"""
    server = session.server("--vfs", "2", "--id", "1234:b500", "--msix", "4")
    console = session.guest("sriov_vfio.sh", server, qemu=IOMMU, append="intel_iommu=on")
    session.end(console, expected=IOMMU_SPEAKS)
