#include "lab/event_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "core/files.h"
#include "core/protobuf.h"

namespace regulus::lab {
namespace {

constexpr std::size_t frame_head = 12;  // length and its checksum
constexpr std::size_t frame_tail = 4;   // checksum of the payload
constexpr std::string_view version_text = "brain.Event:2";

using namespace protobuf;

Error io_error(std::string_view what, std::filesystem::path const& path) {
  return {ErrorKind::io, fmt::format("cannot {} event file {}: {}", what, path.string(), std::strerror(errno))};
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = (value << 8) | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U; }

void put_frame(std::string& out, std::string_view payload) {
  std::string length;
  put_little_endian(length, payload.size(), 8);
  out += length;
  put_little_endian(out, masked_crc(length), 4);
  out.append(payload);
  put_little_endian(out, masked_crc(payload), 4);
}

std::string event_at(double wall_time) {
  std::string event;
  put_key(event, 1, fixed64);
  put_little_endian(event, std::bit_cast<std::uint64_t>(wall_time), 8);
  return event;
}

std::string first_frame(double wall_time) {
  std::string event = event_at(wall_time);
  put_bytes(event, 3, version_text);
  std::string frame;
  put_frame(frame, event);
  return frame;
}

// Walks over the frames of a file.
struct FrameReader {
  std::string_view bytes;
  std::size_t at = 0;  // start of the next frame; after the walk, the end of the last whole one

  // Nothing at the end or before a torn frame.
  Result<std::optional<std::string_view>> next() {
    std::string_view const rest = bytes.substr(at);
    if (rest.size() < frame_head) return std::optional<std::string_view>();
    std::string_view const length_bytes = rest.substr(0, 8);
    if (little_endian(rest.substr(8, 4)) != masked_crc(length_bytes)) return damaged("length");
    std::uint64_t const length = little_endian(length_bytes);
    if (rest.size() < frame_head + frame_tail || rest.size() - frame_head - frame_tail < length) {
      return std::optional<std::string_view>();
    }
    std::string_view const payload = rest.substr(frame_head, length);
    if (little_endian(rest.substr(frame_head + length, frame_tail)) != masked_crc(payload)) return damaged("content");
    at += frame_head + length + frame_tail;
    return std::optional(payload);
  }

  Error damaged(std::string_view part) const {
    return {ErrorKind::corrupt, fmt::format("the {} of the record at byte {} fails its checksum", part, at)};
  }
};

// The part of a file that is whole frames. Errors: corrupt.
Result<std::size_t> whole_frames(std::string_view bytes) {
  FrameReader reader{bytes};
  while (true) {
    auto const payload = reader.next();
    if (!payload) return payload.error();
    if (!*payload) return reader.at;
  }
}

// One field of a protobuf message.
struct WireField {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // varint, fixed64, fixed32
  std::string_view bytes;   // delimited: text or message
};

// Takes the next field off the front of `message`; nothing at the end and when what is left is no field.
std::optional<WireField> take_field(std::string_view& message) {
  auto const take = [&message](std::size_t size) {
    std::string_view const taken = message.substr(0, size);
    message.remove_prefix(size);
    return taken;
  };
  auto const take_varint = [&message]() -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !message.empty(); shift += 7) {
      auto const byte = static_cast<unsigned char>(message.front());
      message.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  };
  std::optional<std::uint64_t> const key = take_varint();
  if (!key) return std::nullopt;
  WireField field;
  field.number = *key / 8;
  std::uint64_t const wire = *key % 8;
  if (wire == varint) {
    auto const value = take_varint();
    if (!value) return std::nullopt;
    field.value = *value;
  } else if (wire == fixed64 || wire == fixed32) {
    std::size_t const size = wire == fixed64 ? 8 : 4;
    if (message.size() < size) return std::nullopt;
    field.value = little_endian(take(size));
  } else if (wire == delimited) {
    auto const size = take_varint();
    if (!size || *size > message.size()) return std::nullopt;
    field.bytes = take(*size);
  } else {
    return std::nullopt;
  }
  return field;
}

void append_scalars(std::string_view event, std::vector<Scalar>& scalars) {
  Scalar common;
  std::vector<std::string_view> summaries;
  while (auto const field = take_field(event)) {
    if (field->number == 1) common.wall_time = std::bit_cast<double>(field->value);
    if (field->number == 2) common.step = static_cast<std::int64_t>(field->value);
    if (field->number == 5) summaries.push_back(field->bytes);
  }
  for (std::string_view summary : summaries) {
    while (auto const entry = take_field(summary)) {
      if (entry->number != 1) continue;
      Scalar scalar = common;
      bool has_value = false;
      std::string_view value = entry->bytes;
      while (auto const part = take_field(value)) {
        if (part->number == 1) scalar.tag = part->bytes;
        if (part->number == 2) {
          scalar.value = std::bit_cast<float>(static_cast<std::uint32_t>(part->value));
          has_value = true;
        }
      }
      if (has_value) scalars.push_back(std::move(scalar));
    }
  }
}

}  // namespace

double EventFile::wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<EventFile> EventFile::open(std::filesystem::path path, Clock clock) {
  if (path.has_parent_path()) {
    std::error_code problem;
    std::filesystem::create_directories(path.parent_path(), problem);
    if (problem) {
      return Error{ErrorKind::io,
                   fmt::format("cannot create folder {}: {}", path.parent_path().string(), problem.message())};
    }
  }
  Result<std::string> bytes = read_file(path);
  if (!bytes && bytes.error().kind != ErrorKind::not_found) return bytes.error();
  std::string const present = bytes ? bytes.take() : std::string();
  Result<std::size_t> const whole = whole_frames(present);
  if (!whole) return whole.error().in(path.string());
  // Every event file starts alike up to its wall time: one frame of a known length, with the time as first field.
  std::string const head = first_frame(0).substr(0, frame_head + 1);
  bool const ours = present.compare(0, head.size(), head, 0, present.size()) == 0;
  if (!ours)
    return Error{ErrorKind::corrupt, fmt::format("{} is no event file; remove it or choose another", path.string())};

  int const descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return io_error("open", path);
  EventFile file(std::move(path), std::move(clock), descriptor);
  if (*whole < present.size() && ::ftruncate(descriptor, static_cast<off_t>(*whole)) != 0)
    return io_error("cut", file.path_);
  file.written_ = *whole;
  if (*whole == 0) file.buffer_ = first_frame(file.clock_());
  return file;
}

EventFile::EventFile(std::filesystem::path path, Clock clock, int descriptor)
    : path_(std::move(path)), clock_(std::move(clock)), descriptor_(descriptor) {}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)),
      clock_(std::move(other.clock_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      written_(other.written_),
      buffer_(std::move(other.buffer_)) {}

EventFile& EventFile::operator=(EventFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(clock_, other.clock_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(written_, other.written_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

EventFile::~EventFile() {
  if (descriptor_ < 0) return;
  static_cast<void>(write_buffer());
  ::close(descriptor_);
}

void EventFile::add(std::string_view tag, std::int64_t step, double value) {
  std::string entry;
  put_bytes(entry, 1, tag);
  put_key(entry, 2, fixed32);
  put_little_endian(entry, std::bit_cast<std::uint32_t>(static_cast<float>(value)), 4);
  std::string summary;
  put_bytes(summary, 1, entry);

  std::string event = event_at(clock_());
  if (step != 0) {  // proto3 leaves out zeros
    put_integer(event, 2, step);
  }
  put_bytes(event, 5, summary);
  put_frame(buffer_, event);
}

Status EventFile::write_buffer() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    ssize_t const n = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int const reason = errno;
      buffer_.erase(0, done);
      written_ += done;
      errno = reason;
      return io_error("write", path_);
    }
    done += static_cast<std::size_t>(n);
  }
  written_ += done;
  buffer_.clear();
  return ok();
}

Status EventFile::flush() {
  if (Status written = write_buffer(); !written) return written;
  if (::fdatasync(descriptor_) != 0) return io_error("flush", path_);
  return ok();
}

Status EventFile::truncate_to(std::uint64_t size) {
  if (Status written = write_buffer(); !written) return written;
  if (size > written_) {
    return invalid(fmt::format("event file {} has {} bytes but the checkpoint needs {}: it is not the file of this run",
                               path_.string(), written_, size));
  }
  Result<std::string> const bytes = read_file(path_);
  if (!bytes) return bytes.error();
  Result<std::size_t> const whole = whole_frames(std::string_view(*bytes).substr(0, size));
  if (!whole) return whole.error().in(path_.string());
  if (*whole != size || size == 0) {
    return invalid(fmt::format("byte {} of event file {} is inside a record: it is not the file of this run", size,
                               path_.string()));
  }
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return io_error("cut", path_);
  written_ = size;
  return ok();
}

Result<std::vector<Scalar>> read_scalars(std::filesystem::path const& path) {
  Result<std::string> const bytes = read_file(path);
  if (!bytes) return bytes.error();
  std::vector<Scalar> scalars;
  FrameReader reader{*bytes};
  while (true) {
    auto const payload = reader.next();
    if (!payload) return payload.error().in(path.string());
    if (!*payload) return scalars;
    append_scalars(**payload, scalars);
  }
}

}  // namespace regulus::lab
