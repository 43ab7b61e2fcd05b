// Whatever parse_json accepts, it writes back so that it reads the same again; whatever it refuses, it refuses with a
// text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/json.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace regulus;
  Result<Json> const first = parse_json(std::string_view(reinterpret_cast<char const*>(data), size));
  if (!first) {
    REGULUS_CHECK(!first.error().message.empty());
    return 0;
  }
  for (int const indent : {-1, 2}) {
    std::string const text = first->dump(indent);
    Result<Json> const second = parse_json(text);
    REGULUS_CHECK(second && *second == *first && second->dump(indent) == text);
  }
  return 0;
}
