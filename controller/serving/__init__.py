"""``trunkline serve``: its options, and a server put together of its parts."""
