"""What speaks to devices: one driver a device, all with the same verbs."""
