"""From a choice of gateways to rules on devices, and in which order these change. Pure."""
