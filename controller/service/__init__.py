"""The use cases: plan, apply, delete, watch; the transaction over devices; what keeps devices as they should be."""
