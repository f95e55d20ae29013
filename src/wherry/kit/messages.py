"""Message classes of protobuf from a table of facts: no generated code, no protoc, no copy of anybody's .proto file.

A client of a gRPC service (etcd) says in a few lines which fields of which messages it uses; a line is a message:

    Name: field=number:type field=number:*type field=number:{type}

`*` is a repeated field, `{...}` a map from texts. A type is one of `SCALARS` or the name of a message of the same table. What a table
leaves out is skipped when a message is read, as protobuf has it, so a table needs only what is used. Enumerations are `int32`, whose
encoding is theirs. Source: https://protobuf.dev/programming-guides/encoding/. Needs the package protobuf, which comes with extras, so
whoever uses this is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

SCALARS = {
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}


def classes(table: str, package: str) -> Mapping[str, Any]:
    """A class for each message of the table, by its name; `package` is that of the service. Raises ValueError for a line that is none."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for line in filter(None, map(str.strip, table.splitlines())):
        name, colon, fields = line.partition(":")
        if not colon:
            raise ValueError(f"not a message: {line!r}")
        message = file.message_type.add(name=name)
        for field in fields.split():
            _add(message, field, f".{package}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())  # the way that old versions of protobuf have too
    return {m.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{m.name}")) for m in file.message_type}


def _add(message: DescriptorProto, text: str, package: str) -> None:
    name, equals, rest = text.partition("=")
    number, colon, kind = rest.partition(":")
    if not (equals and colon and number.isdigit() and kind):
        raise ValueError(f"not a field of {message.name}: {text!r}")
    field = message.field.add(name=name, number=int(number), label=FieldDescriptorProto.LABEL_OPTIONAL)
    if kind[0] in "*{":
        field.label = FieldDescriptorProto.LABEL_REPEATED
    if kind[0] == "{":
        entry = _entry(message, name, kind.strip("{}"), package)
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f"{package}.{message.name}.{entry}"
    else:
        _type(field, kind.lstrip("*"), package)


def _entry(message: DescriptorProto, name: str, kind: str, package: str) -> str:
    """The message that a map's pairs are, by the name that protobuf demands."""
    entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
    entry.options.map_entry = True
    _type(entry.field.add(name="key", number=1, label=FieldDescriptorProto.LABEL_OPTIONAL), "string", package)
    _type(entry.field.add(name="value", number=2, label=FieldDescriptorProto.LABEL_OPTIONAL), kind, package)
    return entry.name


def _type(field: FieldDescriptorProto, kind: str, package: str) -> None:
    scalar = SCALARS.get(kind)
    if scalar is not None:
        field.type = scalar
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f"{package}.{kind}"
