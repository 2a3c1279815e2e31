"""Protobuf <-> domain. ``gen`` is built from proto/ by ``make`` and never edited or committed."""
