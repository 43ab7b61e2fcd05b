// Any bytes as the results of a gate, once as they are and once with the checksum put right, so that what is behind it
// is reached: refused with a text, or families that read the same when they are written again.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/files.h"
#include "core/json.h"
#include "lab/gate_file.h"

namespace {

using namespace regulus;

lab::GateSettings settings() {
  return {.version = "1",
          .candidates = {{.policy = "new"}},
          .rules = {"old"},
          .days = 2,
          .seed = 900'000,
          .iterations = 200,
          .futures = 8,
          .clairvoyant = 1};
}

void read(std::string const& text) {
  auto const results = lab::parse_gate_results(text, settings());
  if (!results) {
    REGULUS_CHECK(!results.error().message.empty());
    return;
  }
  auto const again = lab::parse_gate_results(lab::gate_results_text(settings(), *results), settings());
  REGULUS_CHECK(again && *again == *results);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  read(text);
  Result<Json> document = parse_json(text);
  if (!document || !document->is_object()) return 0;
  std::erase_if(document->as_object(), [](auto const& member) { return member.first == "crc32c"; });
  (*document)["crc32c"] = fmt::format("{:08x}", crc32c(document->dump()));
  read(document->dump());
  return 0;
}
