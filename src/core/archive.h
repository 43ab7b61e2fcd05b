// A flat binary archive for checkpoints: values in a fixed order, native little-endian, with a checksum at the end.
//
// Layout: "RGLS" · format version (u32) · payload · CRC-32C of all before it (u32). Writer and reader must visit the
// same values in the same order; every class that takes part has save(ArchiveWriter&) and load(ArchiveReader&). Each
// section starts with a tag, so that a reader that lost its place says where.
#pragma once

#include <cstring>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/result.h"

namespace regulus {

// What may be stored as the bytes it consists of: values, not something that points to them.
template <class T>
concept Flat = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_array_v<T> && !std::ranges::view<T>;

class ArchiveWriter {
 public:
  ArchiveWriter();

  template <Flat T>
  void put(T const& value) {
    bytes_.append(reinterpret_cast<char const*>(&value), sizeof(T));
  }
  template <Flat T>
  void put(std::vector<T> const& items) {
    put(static_cast<std::uint64_t>(items.size()));
    bytes_.append(reinterpret_cast<char const*>(items.data()), items.size() * sizeof(T));
  }
  void put(std::string_view text);
  void tag(std::string_view name) { put(name); }

  // The finished archive with its checksum; the writer is spent.
  std::string finish() &&;

 private:
  std::string bytes_;
};

class ArchiveReader {
 public:
  // Checks magic, version and checksum. Errors: corrupt.
  static Result<ArchiveReader> open(std::string bytes);

  // After the first mismatch every further read yields zeros and failed() stays true: check once at the end.
  template <Flat T>
  void get(T& value) {
    if (!take(&value, sizeof(T))) value = T{};
  }
  template <Flat T>
  void get(std::vector<T>& items) {
    std::uint64_t size = 0;
    get(size);
    if (failed_ || size > (bytes_.size() - at_) / sizeof(T)) {
      failed_ = true;
      items.clear();
      return;
    }
    items.resize(size);
    take(items.data(), size * sizeof(T));
  }
  void get(std::string& text);
  void tag(std::string_view name);

  bool failed() const { return failed_; }
  // Marks the content as not fitting (a size that is not ours).
  void fail() { failed_ = true; }
  // ok when everything was read, nothing is left and every tag matched. Errors: corrupt, naming the first wrong
  // section.
  Status finish() const;

 private:
  bool take(void* out, std::size_t size);

  std::string bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
  std::string wrong_section_;
};

}  // namespace regulus
