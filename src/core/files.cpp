#include "core/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace regulus {
namespace {

Error io_error(std::string_view what, std::filesystem::path const& path) {
  int const code = errno;
  return {code == ENOENT ? ErrorKind::not_found : ErrorKind::io,
          fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(code))};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}

}  // namespace

Result<std::string> read_file(std::filesystem::path const& path) {
  Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return io_error("open", path);
  std::string bytes;
  std::array<char, 1 << 16> buffer;
  while (true) {
    ssize_t const n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("read", path);
    if (n == 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

Status write_file(std::filesystem::path const& path, std::string_view bytes) {
  std::filesystem::path const folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem)
    return Error{ErrorKind::io, fmt::format("cannot create folder {}: {}", folder.string(), problem.message())};
  if (std::filesystem::is_directory(path, problem)) {
    return Error{ErrorKind::io, fmt::format("cannot write {}: it is a folder", path.string())};
  }
  std::filesystem::path temporary = path;
  temporary += fmt::format(".tmp-{}", ::getpid());
  auto const give_up = [&](std::string_view what) {
    Error error = io_error(what, path);
    ::unlink(temporary.c_str());
    return error;
  };
  {
    Descriptor const file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) return io_error("write", path);
    while (!bytes.empty()) {
      ssize_t const n = ::write(file.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return give_up("write");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(file.get()) != 0) return give_up("flush");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("replace");
  Descriptor const directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
  return ok();
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t start) {
  static constexpr std::array<std::uint32_t, 256> table = make_crc_table();
  std::uint32_t crc = ~start;
  for (char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~crc;
}

}  // namespace regulus
