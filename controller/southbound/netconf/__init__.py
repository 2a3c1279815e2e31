"""Devices that speak NETCONF (RFC 6241), behind the same verbs as a switch that speaks OpenFlow.

* ``profile``, ``pattern``, ``profiles/*.toml``: how a maker's YANG says a cross-connect, as data;
* ``encoding``, ``edits``, ``tree``, ``owner_words``: rules as entries of a device's lists, there and back;
* ``comparing``: where two configurations differ. All this is pure;
* ``model``: the YANG library: what is valid, RFC 7951 JSON to XML and back; ``envelope``: what an edit-config bears;
* ``framing``: bytes to messages; ``session``: ncclient's without its polling, its threads end here;
* ``endpoint``: where a device is and how it is known; ``connection``: its session, made anew when it is lost;
* ``calls``: one RPC each, awaited; ``notices``: what it tells by itself (RFC 6470);
* ``driver``: the verbs; ``southbound``: all devices.
"""
