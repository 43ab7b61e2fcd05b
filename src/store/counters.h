// Numbers of a company that rise: totals since some moment, and the next free id of bookings and drivers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "store/sqlite.h"

namespace regulus::store {

struct Counter {
  std::int64_t company = 0;  // 0: of the whole installation
  std::string name{};
  std::int64_t value = 0;
  std::int64_t since_us = 0;  // when it was at zero
  friend bool operator==(Counter const&, Counter const&) = default;
};

// Adds to a counter, which begins at zero `now_us`, and returns its new value.
std::int64_t count(Transaction& tx, std::int64_t company, std::string_view name, std::int64_t by, std::int64_t now_us);
// By name.
std::vector<Counter> counters_of(Transaction& tx, std::int64_t company);
// Back to zero. A counter that nobody counted stays absent.
void reset_counter(Transaction& tx, std::int64_t company, std::string_view name, std::int64_t now_us);

// not_found when there is no such company.
Status check_company(Transaction& tx, std::int64_t company);
// `wanted`, or for 0 the next number that no row of this counter ever had. Errors: invalid for a negative number and
// when there are none left.
Result<std::int32_t> number_for(Transaction& tx, std::int64_t company, std::string_view counter, std::int32_t wanted);

}  // namespace regulus::store
