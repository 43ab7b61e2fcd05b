#include "store/ids.h"

#include "core/check.h"
#include "store/hash.h"

namespace regulus::store {
namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t ulid_length = 26;
constexpr std::size_t time_length = 10;

}  // namespace

std::string make_id(std::string_view prefix, std::int64_t at_us, Entropy const& entropy) {
  std::int64_t const milliseconds = at_us / 1000;
  REGULUS_CHECK(at_us >= 0 && milliseconds < (std::int64_t{1} << 48));
  std::string text(prefix);
  text += '_';
  for (int shift = 45; shift >= 0; shift -= 5) text += digits[static_cast<std::size_t>(milliseconds >> shift) & 31];
  // Ten bytes are sixteen digits of five bits.
  std::uint32_t bits = 0;
  int held = 0;
  for (std::uint8_t byte : entropy) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += digits[(bits >> held) & 31];
    }
    bits &= (1U << held) - 1;
  }
  return text;
}

Entropy true_entropy() {
  Entropy entropy{};
  random_bytes(entropy);
  return entropy;
}

Entropy entropy_from(Rng& rng) {
  Entropy entropy{};
  for (std::uint8_t& byte : entropy) byte = static_cast<std::uint8_t>(rng.next() >> 56);
  return entropy;
}

bool is_id(std::string_view prefix, std::string_view text) {
  if (text.size() != prefix.size() + 1 + ulid_length || !text.starts_with(prefix) || text[prefix.size()] != '_') {
    return false;
  }
  std::string_view const ulid = text.substr(prefix.size() + 1);
  // Ten digits hold 50 bits, the time has 48.
  return ulid[0] <= '7' && ulid.find_first_not_of(digits) == std::string_view::npos;
}

std::int64_t time_of_id(std::string_view text) {
  REGULUS_CHECK(text.size() > ulid_length);
  std::int64_t milliseconds = 0;
  for (char c : text.substr(text.size() - ulid_length, time_length)) {
    milliseconds = milliseconds * 32 + static_cast<std::int64_t>(digits.find(c));
  }
  return milliseconds * 1000;
}

}  // namespace regulus::store
