#include "store/hash.h"

#include <fmt/format.h>
#include <sodium.h>

#include "core/check.h"

namespace regulus::store {
namespace {

static_assert(std::tuple_size_v<Digest> == crypto_hash_sha256_BYTES);

unsigned char const* octets(std::string_view bytes) {
  return static_cast<unsigned char const*>(static_cast<void const*>(bytes.data()));
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}

}  // namespace

Digest sha256(std::string_view bytes) { return sha256(bytes, {}); }

Digest sha256(std::string_view first, std::string_view second) {
  crypto_hash_sha256_state state;
  Digest digest{};
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, octets(first), first.size());
  crypto_hash_sha256_update(&state, octets(second), second.size());
  crypto_hash_sha256_final(&state, digest.data());
  return digest;
}

std::string_view bytes_of(Digest const& digest) {
  return {static_cast<char const*>(static_cast<void const*>(digest.data())), digest.size()};
}

std::string hex_of(Digest const& digest) {
  std::string text;
  for (std::uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::string to_base64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the closing zero
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  std::size_t length = 0;
  int const failed = sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                                       text.size(), nullptr, &length, nullptr, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0) return std::nullopt;
  bytes.resize(length);
  return bytes;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void random_bytes(std::span<std::uint8_t> bytes) {
  // Safe to call from several threads and more than once; fails only where there is no randomness at all.
  REGULUS_CHECK(sodium_init() >= 0);
  randombytes_buf(bytes.data(), bytes.size());
}

std::uint32_t crc32(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> table = make_crc_table();
  std::uint32_t crc = ~0U;
  for (char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~crc;
}

}  // namespace regulus::store
