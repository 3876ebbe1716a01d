"""Values and fingerprints as PROTOCOL.md describes them; types are those of the description, section 8.2."""

import hashlib
import struct


def u32(number):
    return number.to_bytes(4, "little")


def u64(number):
    return number.to_bytes(8, "little")


def blob(data):
    return u64(len(data)) + data


def text(value):
    return blob(value.encode())


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        part = self.data[self.at : self.at + count]
        assert len(part) == count, "the payload ends too early"
        self.at += count
        return part

    def number(self, size, signed=False):
        return int.from_bytes(self.take(size), "little", signed=signed)

    def flag(self):
        (byte,) = self.take(1)
        assert byte in (0, 1)
        return byte == 1

    def blob(self):
        return self.take(self.number(8))

    def text(self):
        return self.blob().decode()

    def texts(self):
        return [self.text() for _ in range(self.number(8))]

    def end(self):
        assert self.at == len(self.data), "bytes left over"


def split(schema):
    if isinstance(schema, str):
        return schema, None
    kind, inside = next(iter(schema.items()))
    if kind == "Named" and inside[1:] in ("8", "16", "32", "64", "128"):
        return {"u": "Unsigned", "i": "Signed", "f": "Float"}[inside[0]], int(inside[1:])
    return kind, inside


def fields_of(schema):
    return [field["schema"] for field in schema["fields"]]


def encode(schema, value):
    kind, inside = split(schema)
    if kind == "Unit":
        return b""
    if kind == "Bool":
        return bytes([value])
    if kind in ("Unsigned", "Signed"):
        return value.to_bytes(inside // 8, "little", signed=kind == "Signed")
    if kind == "Float":
        return struct.pack("<f" if inside == 32 else "<d", value)
    if kind == "Char":
        return value.encode()
    if kind == "String":
        return text(value)
    if kind == "Option":
        return b"\0" if value is None else b"\1" + encode(inside, value)
    if kind == "List":
        return u64(len(value)) + b"".join(encode(inside, item) for item in value)
    if kind == "Array":
        assert len(value) == inside[1]
        return b"".join(encode(inside[0], item) for item in value)
    if kind == "Tuple":
        return b"".join(map(encode, inside, value))
    if kind == "Map":
        entries = [encode(inside[0], k) + encode(inside[1], v) for k, v in value.items()]
        return u64(len(value)) + b"".join(entries)
    if kind == "Struct":
        return b"".join(map(encode, fields_of(inside), fields_in(inside, value)))
    if kind == "Enum":
        name, data = (value, None) if isinstance(value, str) else next(iter(value.items()))
        names = [variant["name"] for variant in inside["variants"]]
        variant = inside["variants"][names.index(name)]
        parts = map(encode, fields_of(variant), fields_in(variant, data))
        return u32(names.index(name)) + b"".join(parts)
    if kind == "Named" and inside == "Duration":
        return u64(value["secs"]) + u32(value["nanos"])
    raise ValueError(schema)


def fields_in(schema, value):
    """The fields of a struct or variant, out of the form that it has by name (section 7)."""
    names = [field["name"] for field in schema["fields"]]
    if not names:
        return []
    if names == ["0"]:
        return [value]
    return list(value) if names[0] == "0" else [value[name] for name in names]


def decode(schema, reader):
    kind, inside = split(schema)
    if kind == "Unit":
        return None
    if kind == "Bool":
        return reader.flag()
    if kind in ("Unsigned", "Signed"):
        return reader.number(inside // 8, signed=kind == "Signed")
    if kind == "Float":
        size, code = (4, "<f") if inside == 32 else (8, "<d")
        return struct.unpack(code, reader.take(size))[0]
    if kind == "Char":
        first = reader.take(1)
        more = sum(first[0] >= least for least in (0xC0, 0xE0, 0xF0))
        return (first + reader.take(more)).decode()
    if kind == "String":
        return reader.text()
    if kind == "Option":
        return decode(inside, reader) if reader.flag() else None
    if kind == "List":
        return [decode(inside, reader) for _ in range(reader.number(8))]
    if kind == "Array":
        return [decode(inside[0], reader) for _ in range(inside[1])]
    if kind == "Tuple":
        return [decode(item, reader) for item in inside]
    if kind == "Map":
        pairs = range(reader.number(8))
        return {decode(inside[0], reader): decode(inside[1], reader) for _ in pairs}
    if kind == "Struct":
        return fields_out(inside, reader, [])
    if kind == "Enum":
        variant = inside["variants"][reader.number(4)]
        if not variant["fields"]:
            return variant["name"]
        return {variant["name"]: fields_out(variant, reader, None)}
    if kind == "Named" and inside == "Duration":
        return {"secs": reader.number(8), "nanos": reader.number(4)}
    raise ValueError(schema)


def fields_out(schema, reader, empty):
    values = [decode(item, reader) for item in fields_of(schema)]
    names = [field["name"] for field in schema["fields"]]
    if not names:
        return empty
    if names == ["0"]:
        return values[0]
    return values if names[0] == "0" else dict(zip(names, values))


# Fingerprints, section 6.


def canonical(schema):
    kind, inside = split(schema)
    plain = {"Unit": "()", "Bool": "bool", "Char": "char", "String": "String"}
    if kind in plain:
        return plain[kind]
    if kind in ("Unsigned", "Signed", "Float"):
        return {"Unsigned": "u", "Signed": "i", "Float": "f"}[kind] + str(inside)
    if kind == "Option":
        return "?[" + canonical(inside) + "]"
    if kind == "List":
        return "*[" + canonical(inside) + "]"
    if kind == "Array":
        return str(inside[1]) + "*[" + canonical(inside[0]) + "]"
    if kind == "Tuple":
        return "(" + "".join(canonical(item) + "," for item in inside) + ")"
    if kind == "Map":
        return "%[" + canonical(inside[0]) + "]:[" + canonical(inside[1]) + "]"
    if kind == "Struct":
        return canonical_fields(inside)
    if kind == "Enum":
        variants = (v["name"] + canonical_fields(v) + "|" for v in inside["variants"])
        return "<" + "".join(variants) + ">"
    return inside


def canonical_fields(schema):
    fields = (f["name"] + "=" + canonical(f["schema"]) + "," for f in schema["fields"])
    return "{" + "".join(fields) + "}"


def wire_name(method, prefix):
    return {"Get": "get_", "Set": "set_"}.get(method["kind"], "") + prefix + method["name"]


def fingerprint(method):
    arguments = (a["name"] + "=" + canonical(a["schema"]) + "," for a in method["arguments"])
    whole = wire_name(method, "") + "(" + "".join(arguments) + ")->" + canonical(method["result"])
    return int.from_bytes(hashlib.sha256(whole.encode()).digest()[:8], "big")
