// Any bytes as a model file: refused as corrupt, or read and written back to a file that reads the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/check.h"
#include "nn/model_file.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace regulus;
  auto const file = nn::decode_safetensors(std::string(reinterpret_cast<char const*>(data), size));
  if (!file) {
    REGULUS_CHECK(file.error().kind == ErrorKind::corrupt);
    return 0;
  }
  std::string const bytes = nn::encode_safetensors(*file);
  auto const again = nn::decode_safetensors(bytes);
  REGULUS_CHECK(static_cast<bool>(again));
  REGULUS_CHECK(nn::encode_safetensors(*again) == bytes);
  return 0;
}
