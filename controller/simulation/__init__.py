"""Switches that exist in memory only: they speak OpenFlow 1.3 to a controller and forward frames in virtual time.

A process of its own (``python -m controller.simulation``); to the controller they are devices like any other, and
nothing in the controller imports this package. From the inside out:

* ``refusal`` ``requests`` ``covering`` ``counting`` ``tables`` ``replies`` ``faults`` ``agent``: one switch, bytes in
  and bytes out;
* ``links`` ``network`` ``flood`` ``traffic``: the switches joined, with virtual time; frames that are sent one by one,
  and traffic that is only counted;
* ``datapath`` ``dialler`` ``simulator`` ``control`` ``__main__``: the sockets around them;
* ``client`` ``process``: for those who start a simulation and look into it.

What is not simulated: queues and link rates (a link carries whatever it is given), packet-in, timeouts of flows.
"""
