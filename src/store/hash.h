// SHA-256, base 64, true randomness and comparison in constant time, from libsodium (docs/decisions/0015-libsodium.md),
// which only hash.cpp sees; and CRC-32, which guards against typing errors, not against people.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace regulus::store {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view bytes);
// Of one text after the other, as if they were joined.
Digest sha256(std::string_view first, std::string_view second);

// The bytes as a database keeps them.
std::string_view bytes_of(Digest const& digest);
// 64 digits, in lower case.
std::string hex_of(Digest const& digest);

// Base 64 with padding (RFC 4648 §4), and back; nothing for what is none, to the last bit.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// Whether both are the same, in a time that depends on their lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// Fills with bytes that nobody can foresee: the operating system's (getrandom).
void random_bytes(std::span<std::uint8_t> bytes);

// CRC-32 of ISO 3309 (reflected 0xEDB88320), as in zip files.
std::uint32_t crc32(std::string_view bytes);

}  // namespace regulus::store
