"""OpenFlow 1.3 southbound: switches connect to ``OpenFlowSouthbound``, which has a driver for each of them."""
