// Runs a fuzzer's entry point over the files of a corpus: a regression test that needs no fuzzing engine.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "core/files.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (auto const& entry : std::filesystem::directory_iterator(argv[1])) paths.push_back(entry.path());
  std::ranges::sort(paths);
  if (paths.empty()) {
    std::fprintf(stderr, "%s holds no input\n", argv[1]);
    return 1;
  }
  for (auto const& path : paths) {
    std::printf("%s\n", path.filename().c_str());
    std::fflush(stdout);  // a crash must not hide which input caused it
    auto const bytes = regulus::read_file(path);
    if (!bytes) {
      std::fprintf(stderr, "%s\n", bytes.error().message.c_str());
      return 1;
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<std::uint8_t const*>(bytes->data()), bytes->size());
  }
  std::printf("%zu inputs\n", paths.size());
  return 0;
}
