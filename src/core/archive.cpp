#include "core/archive.h"

#include <fmt/format.h>

#include "core/files.h"

namespace regulus {
namespace {
constexpr std::string_view magic = "RGLS";
constexpr std::uint32_t format_version = 1;
}  // namespace

ArchiveWriter::ArchiveWriter() {
  bytes_ = magic;
  put(format_version);
}

void ArchiveWriter::put(std::string_view text) {
  put(static_cast<std::uint64_t>(text.size()));
  bytes_ += text;
}

std::string ArchiveWriter::finish() && {
  std::uint32_t const crc = crc32c(bytes_);
  put(crc);
  return std::move(bytes_);
}

Result<ArchiveReader> ArchiveReader::open(std::string bytes) {
  constexpr std::size_t header = 8;
  constexpr std::size_t footer = 4;
  if (bytes.size() < header + footer || !bytes.starts_with(magic)) {
    return Error{ErrorKind::corrupt, "not a checkpoint of this program"};
  }
  std::uint32_t stored = 0;
  std::memcpy(&stored, bytes.data() + bytes.size() - footer, footer);
  bytes.resize(bytes.size() - footer);
  if (crc32c(bytes) != stored)
    return Error{ErrorKind::corrupt, "checksum does not match: the file is damaged or cut short"};
  std::uint32_t version = 0;
  std::memcpy(&version, bytes.data() + magic.size(), sizeof version);
  if (version != format_version) {
    return Error{ErrorKind::corrupt, fmt::format("checkpoint format {} is not format {}", version, format_version)};
  }
  ArchiveReader reader;
  reader.bytes_ = std::move(bytes);
  reader.at_ = header;
  return reader;
}

void ArchiveReader::get(std::string& text) {
  std::uint64_t size = 0;
  get(size);
  if (failed_ || size > bytes_.size() - at_) {
    failed_ = true;
    text.clear();
    return;
  }
  text.assign(bytes_, at_, size);
  at_ += size;
}

void ArchiveReader::tag(std::string_view name) {
  std::string found;
  get(found);
  if (failed_ || found == name) return;
  failed_ = true;
  wrong_section_ = name;
}

Status ArchiveReader::finish() const {
  if (!failed_ && at_ == bytes_.size()) return ok();
  return Error{ErrorKind::corrupt,
               fmt::format("content does not fit{}{}", wrong_section_.empty() ? "" : " from section ", wrong_section_)};
}

bool ArchiveReader::take(void* out, std::size_t size) {
  if (failed_ || size > bytes_.size() - at_) {
    failed_ = true;
    return false;
  }
  if (size > 0) std::memcpy(out, bytes_.data() + at_, size);
  at_ += size;
  return true;
}

}  // namespace regulus
