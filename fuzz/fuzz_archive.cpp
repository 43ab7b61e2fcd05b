// An archive of any bytes is refused or read without harm; with a valid checksum put behind the bytes, the readers
// behind the door are reached as well.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/archive.h"
#include "core/files.h"

namespace {

using namespace regulus;

// Reads values of kinds that the bytes themselves choose, as far as they reach.
void read_everything(std::string bytes, std::string const& plan) {
  Result<ArchiveReader> reader = ArchiveReader::open(std::move(bytes));
  if (!reader) return;
  std::size_t read = 0;
  for (char const kind : plan) {
    std::string text;
    std::vector<double> reals;
    std::vector<std::uint8_t> octets;
    std::uint32_t word = 0;
    switch (static_cast<unsigned char>(kind) % 5) {
      case 0:
        reader->get(word);
        break;
      case 1:
        reader->get(text);
        break;
      case 2:
        reader->get(reals);
        break;
      case 3:
        reader->get(octets);
        break;
      case 4:
        reader->tag("section");
        break;
    }
    read += text.size() + reals.size() * sizeof(double) + octets.size();
    REGULUS_CHECK(read <= plan.size() && "no reader hands out more than the archive holds");
    if (reader->failed()) break;
  }
  REGULUS_CHECK(!reader->failed() || !reader->finish());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const bytes(reinterpret_cast<char const*>(data), size);
  read_everything(bytes, bytes);

  ArchiveWriter header;
  std::string whole = std::move(header).finish();
  whole.resize(whole.size() - sizeof(std::uint32_t));
  whole += bytes;
  std::uint32_t const crc = crc32c(whole);
  whole.append(reinterpret_cast<char const*>(&crc), sizeof crc);
  read_everything(whole, bytes);
  return 0;
}
