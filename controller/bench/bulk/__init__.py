"""``trunkline bench apply``: whole servers under measure, from the first request to the last switch read back."""
