"""The emulated network: Mininet hosts, one Open vSwitch per node, wires with delay.

The only package that imports Mininet.
"""
