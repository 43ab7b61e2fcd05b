// Names of things that the server makes: a prefix that says what it is, and a ULID (github.com/ulid/spec).
//
// "dec_01J9ZQ3K5XW8…": 48 bits of milliseconds, 80 bits of chance, in Crockford's base 32. Sorted as text they are
// sorted by time, and nobody guesses the next one. Neither the clock nor the chance is read here: same in, same out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/rng.h"

namespace regulus::store {

using Entropy = std::array<std::uint8_t, 10>;

// `at_us` is in microseconds since 1970, from then to the year 10889. `prefix` is letters in lower case.
std::string make_id(std::string_view prefix, std::int64_t at_us, Entropy const& entropy);

// The operating system's randomness; and a stream's, for tests and simulations.
Entropy true_entropy();
Entropy entropy_from(Rng& rng);

// Whether `text` is such a name with this prefix, letter for letter as make_id writes it.
bool is_id(std::string_view prefix, std::string_view text);
// When it was made, in microseconds, rounded down to a millisecond; `text` must satisfy is_id for its prefix.
std::int64_t time_of_id(std::string_view text);

}  // namespace regulus::store
