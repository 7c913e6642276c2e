"""Times N Mininet hosts on one bridge, up and down: network namespaces only, no disk, no SSH.

Run in namespaces of its own: unshare --net --mount --pid --fork --mount-proc --kill-child python3 beside_mininet.py N
"""
import sys
import time

from mininet import net as network
from mininet.log import setLogLevel
from mininet.node import Switch

# It would raise limits of the whole machine.
network.fixLimits = lambda: None


class Bridge(Switch):
    """A Linux bridge by ip(8); Mininet's own wants brctl."""

    def start(self, controllers):
        self.cmd("ip link add", self.name, "type bridge")
        self.cmd("ip link set", self.name, "up")
        for interface in self.intfList():
            if self.name in interface.name:
                self.cmd("ip link set", interface, "master", self.name)

    def stop(self, deleteIntfs=True):
        self.cmd("ip link del", self.name)
        super().stop(deleteIntfs)


def main(count):
    setLogLevel("error")
    begun = time.monotonic()
    net = network.Mininet(switch=Bridge, controller=None, ipBase="198.18.0.0/22")
    bridge = net.addSwitch("s1")
    for number in range(count):
        net.addLink(net.addHost(f"h{number}"), bridge)
    net.start()
    up = time.monotonic() - begun
    begun = time.monotonic()
    net.stop()
    print(f"{up * 1000:.0f} {(time.monotonic() - begun) * 1000:.0f}")


main(int(sys.argv[1]))
