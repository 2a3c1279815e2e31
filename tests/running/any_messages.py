"""Messages of any type with anything in their fields, nearly right ones among them."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

# Words that lead somewhere in the ring, so that a request gets further than its first field.
WORDS = ["a1", "a2", "z1", "z2", "p-n", "pe-a", "a-n", "north", "none", "1:1", "restore", "link", "delay", "cost"]
WORDS += ["acme", "standing", "tenants/acme", "tenants/-", "tenants/acme/privateLines/standing", "1.1", "\0", "-", "😀"]
NUMBERS = [0, 1, -1, 100, 4_094, 4_095, 1_500, 10**9, 2**31 - 1, -(2**31)]
WIDE = [*NUMBERS, 10**6, 2**63 - 1, -(2**63)]

SCALARS = {
    FieldDescriptor.TYPE_STRING: st.sampled_from(WORDS) | st.text(max_size=20),
    FieldDescriptor.TYPE_INT32: st.sampled_from(NUMBERS) | st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.sampled_from(WIDE) | st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_ENUM: st.sampled_from([0, 1, 5]),
}


def messages(kind):
    """Messages of a type, any of whose fields may be set to anything."""
    fields = {field.name: values(field) for field in kind.DESCRIPTOR.fields}
    return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: kind(**chosen))


def values(field):
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        one = messages(field.message_type._concrete_class)
    else:
        one = SCALARS[field.type]
    return st.lists(one, max_size=3) if field.is_repeated else one
