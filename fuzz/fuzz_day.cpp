// Any bytes as a day file: refused with a text, or a sound day that is written so that it reads the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "domain/day_file.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace regulus;
  Result<Day> const day = parse_day(std::string_view(reinterpret_cast<char const*>(data), size));
  if (!day) {
    REGULUS_CHECK(!day.error().message.empty());
    return 0;
  }
  REGULUS_CHECK(static_cast<bool>(check_day(*day)));
  Result<Day> const again = parse_day(to_json(*day).dump());
  REGULUS_CHECK(again && *again == *day);
  return 0;
}
