// The texts that a Python worker may leave in a study: attributes and distributions of any bytes are read or refused
// without harm, and what was read once reads the same again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "store/encoding.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace regulus;
  std::string const text(reinterpret_cast<char const*>(data), size);

  Json const attribute = store::attribute_from(text);
  REGULUS_CHECK(store::attribute_from(attribute.dump()).dump() == attribute.dump());

  if (Result<Distribution> const distribution = store::distribution_from(text)) {
    std::string const written = distribution_to_json(*distribution).dump();
    Result<Distribution> const again = store::distribution_from(written);
    REGULUS_CHECK(again && distribution_to_json(*again).dump() == written);
  }

  std::int64_t const time = store::timestamp_us(text);
  REGULUS_CHECK(store::timestamp_us(store::timestamp_text(time)) == time);
  return 0;
}
