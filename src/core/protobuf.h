// Protobuf's wire format, as far as it is written here: ONNX models (nn/onnx.cpp) and TensorBoard's events
// (lab/event_file.cpp). A field's key is number * 8 + wire type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace regulus::protobuf {

enum Wire : std::uint8_t { varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };

inline void put_little_endian(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

inline void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

inline void put_key(std::string& out, unsigned field, Wire wire) { put_varint(out, field * 8 + wire); }

inline void put_integer(std::string& out, unsigned field, std::int64_t value) {
  put_key(out, field, varint);
  put_varint(out, static_cast<std::uint64_t>(value));
}

inline void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
  put_key(out, field, delimited);
  put_varint(out, bytes.size());
  out.append(bytes);
}

}  // namespace regulus::protobuf
