#include "nn/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "core/files.h"
#include "core/json.h"

namespace regulus::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are stored as they lie in memory");

constexpr std::size_t length_bytes = 8;
// What the format itself allows; a longer header is damage, not data.
constexpr std::uint64_t longest_header = 100'000'000;
constexpr std::string_view checksum_key = "crc32c";
constexpr std::string_view no_checksum = "00000000";
// Says that a checksum must be there, so that damage to the other entry's very name is noticed too.
constexpr std::string_view writer_key = "writer";
constexpr std::string_view writer = "regulus";

Error corrupt(std::string message) { return {ErrorKind::corrupt, std::move(message)}; }

// Where the digits of the checksum stand in the header's text. The pattern can only be the entry itself: inside a JSON
// string its quotes would be escaped.
std::size_t checksum_position(std::string_view bytes, std::size_t header_end) {
  std::string const pattern = fmt::format("\"{}\":\"", checksum_key);
  std::size_t const at = bytes.substr(0, header_end).find(pattern, length_bytes);
  return at == std::string_view::npos ? at : at + pattern.size();
}

// CRC-32C of the whole file, its own digits taken as zeros.
std::string checksum(std::string_view bytes, std::size_t position) {
  std::uint32_t crc = crc32c(bytes.substr(0, position));
  crc = crc32c(no_checksum, crc);
  return fmt::format("{:08x}", crc32c(bytes.substr(position + no_checksum.size()), crc));
}

struct Placed {
  Tensor tensor;
  std::uint64_t begin = 0, end = 0;
};

// One entry of the header: its dtype, shape and place, each checked by itself.
Result<Placed> read_entry(std::string const& name, Json const& entry) {
  Json const* dtype = entry.find("dtype");
  if (dtype == nullptr || !dtype->is_string()) return corrupt(fmt::format("tensor \"{}\" has no dtype", name));
  if (dtype->as_string() != "F32") {
    return corrupt(fmt::format("tensor \"{}\" has dtype {}; only F32 is read", name, dtype->as_string()));
  }
  Json const* shape = entry.find("shape");
  if (shape == nullptr || !shape->is_array()) return corrupt(fmt::format("tensor \"{}\" has no shape", name));
  Placed placed{.tensor = {.name = name, .shape = {}, .values = {}}};
  std::uint64_t size = sizeof(float);
  for (Json const& extent : shape->as_array()) {
    if (!extent.is_integer() || extent.as_integer() < 0) {
      return corrupt(fmt::format("tensor \"{}\" has an extent {} in its shape", name, extent.dump()));
    }
    auto const n = static_cast<std::uint64_t>(extent.as_integer());
    if (__builtin_mul_overflow(size, n, &size)) {
      return corrupt(fmt::format("tensor \"{}\" has a shape too large for any file", name));
    }
    placed.tensor.shape.push_back(extent.as_integer());
  }
  Json const* offsets = entry.find("data_offsets");
  bool const pair =
      offsets != nullptr && offsets->is_array() && offsets->as_array().size() == 2 &&
      std::ranges::all_of(offsets->as_array(), [](Json const& o) { return o.is_integer() && o.as_integer() >= 0; });
  if (!pair) return corrupt(fmt::format("tensor \"{}\" has no pair of data_offsets", name));
  placed.begin = static_cast<std::uint64_t>(offsets->as_array()[0].as_integer());
  placed.end = static_cast<std::uint64_t>(offsets->as_array()[1].as_integer());
  if (placed.end < placed.begin || placed.end - placed.begin != size) {
    return corrupt(fmt::format("tensor \"{}\" lies at {} to {}, but its shape needs {} bytes", name, placed.begin,
                               placed.end, size));
  }
  return placed;
}

}  // namespace

Tensor const* ModelFile::find(std::string const& name) const {
  auto const found = std::ranges::find(tensors, name, &Tensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

std::string encode_safetensors(ModelFile const& file) {
  Json metadata = Json::object();
  for (auto const& [key, value] : file.metadata) {
    if (key != checksum_key && key != writer_key) metadata[key] = value;
  }
  metadata[writer_key] = writer;
  metadata[checksum_key] = no_checksum;
  Json header = Json::object();
  header["__metadata__"] = std::move(metadata);
  std::size_t end = 0;
  for (Tensor const& tensor : file.tensors) {
    REGULUS_CHECK(!header.has(tensor.name));
    std::size_t const begin = end;
    end += tensor.values.size() * sizeof(float);
    header[tensor.name] = Json::object(
        {{"dtype", "F32"},
         {"shape", Json::array_of(tensor.shape)},
         {"data_offsets", Json::array_of(std::vector{static_cast<long long>(begin), static_cast<long long>(end)})}});
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors start on eight bytes
  std::uint64_t const length = text.size();

  std::string bytes(length_bytes, '\0');
  std::memcpy(bytes.data(), &length, length_bytes);
  bytes += text;
  for (Tensor const& tensor : file.tensors) {
    bytes.append(reinterpret_cast<char const*>(tensor.values.data()), tensor.values.size() * sizeof(float));
  }
  std::size_t const position = checksum_position(bytes, length_bytes + length);
  bytes.replace(position, no_checksum.size(), checksum(bytes, position));
  return bytes;
}

Result<ModelFile> decode_safetensors(std::string const& bytes) {
  if (bytes.size() < length_bytes) return corrupt(fmt::format("the file ends after {} bytes", bytes.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), length_bytes);
  if (length > longest_header || length > bytes.size() - length_bytes) {
    return corrupt(fmt::format("the header should take {} bytes, but {} follow", length, bytes.size() - length_bytes));
  }
  std::string_view const text(bytes.data() + length_bytes, length);
  if (!text.starts_with('{')) return corrupt("the header is no JSON object");
  auto const header = parse_json(text);
  if (!header) return corrupt("the header is no JSON: " + header.error().message);
  if (!header->is_object()) return corrupt("the header is no JSON object");

  // Step 1. Read every entry by itself.
  ModelFile file;
  std::string expected_checksum;
  bool ours = false;
  std::vector<Placed> placed;
  for (auto const& [name, entry] : header->as_object()) {
    if (name != "__metadata__") {
      auto one = read_entry(name, entry);
      if (!one) return one.error();
      placed.push_back(one.take());
      continue;
    }
    if (!entry.is_object()) return corrupt("__metadata__ is no JSON object");
    for (auto const& [key, value] : entry.as_object()) {
      if (!value.is_string()) return corrupt(fmt::format("metadata \"{}\" is {}, not a text", key, value.kind()));
      if (key == checksum_key) {
        expected_checksum = value.as_string();
        ours = true;
      } else if (key == writer_key && value.as_string() == writer) {
        ours = true;
      } else {
        file.metadata[key] = value.as_string();
      }
    }
  }

  // Step 2. Together they must cover the bytes after the header once: no gap, no overlap, nothing left.
  std::string_view const data = std::string_view(bytes).substr(length_bytes + length);
  std::ranges::stable_sort(placed, {}, [](Placed const& p) { return std::pair(p.begin, p.end); });
  std::uint64_t end = 0;
  for (Placed const& p : placed) {
    if (p.begin != end) {
      return corrupt(fmt::format("tensor \"{}\" starts at {}, {} the end of the one before it ({})", p.tensor.name,
                                 p.begin, p.begin < end ? "overlapping" : "leaving a gap after", end));
    }
    end = p.end;
  }
  if (end != data.size()) {
    return corrupt(fmt::format("the tensors take {} bytes, but {} follow the header", end, data.size()));
  }

  // Step 3. The checksum, before anything is believed.
  if (ours) {
    std::size_t const position = checksum_position(bytes, length_bytes + length);
    bool const whole = position != std::string::npos && expected_checksum.size() == no_checksum.size();
    if (!whole || checksum(bytes, position) != expected_checksum) {
      return corrupt(
          fmt::format("the checksum \"{}\" does not match; the file is damaged, or another program rewrote it and kept "
                      "the entries \"{}\" and \"{}\"",
                      expected_checksum, writer_key, checksum_key));
    }
  }
  for (Placed& p : placed) {
    p.tensor.values.resize((p.end - p.begin) / sizeof(float));
    if (!p.tensor.values.empty()) std::memcpy(p.tensor.values.data(), data.data() + p.begin, p.end - p.begin);
    file.tensors.push_back(std::move(p.tensor));
  }
  return file;
}

std::vector<Tensor> tensors_of(Network const& network) {
  std::vector<Tensor> tensors;
  for (Block const& block : network.blocks()) {
    auto const values = network.parameters().subspan(block.offset, block.size());
    std::vector<std::int64_t> shape{block.cols};
    if (block.name.ends_with(".weight") && block.name.find("norm") == std::string::npos)
      shape = {block.rows, block.cols};
    tensors.push_back({block.name, std::move(shape), {values.begin(), values.end()}});
  }
  return tensors;
}

Status load_tensors(ModelFile const& file, Network& network) {
  if (file.tensors.size() != network.blocks().size()) {
    return Error{ErrorKind::corrupt,
                 fmt::format("{} tensors, the architecture has {}", file.tensors.size(), network.blocks().size())};
  }
  for (Block const& block : network.blocks()) {
    Tensor const* tensor = file.find(block.name);
    if (tensor == nullptr || tensor->values.size() != block.size()) {
      return Error{ErrorKind::corrupt, fmt::format("tensor {} is missing or has another size", block.name)};
    }
    if (!std::ranges::all_of(tensor->values, [](float w) { return std::isfinite(w); })) {
      return Error{ErrorKind::corrupt, fmt::format("tensor {} holds a weight that is no finite number", block.name)};
    }
    std::ranges::copy(tensor->values, network.parameters().begin() + static_cast<std::ptrdiff_t>(block.offset));
  }
  return ok();
}

Status write_model(std::filesystem::path const& path, ModelFile const& file) {
  return write_file(path, encode_safetensors(file));
}

Result<ModelFile> read_model(std::filesystem::path const& path) {
  auto const bytes = read_file(path);
  if (!bytes) return bytes.error();
  auto file = decode_safetensors(*bytes);
  if (!file) return file.error().in(path.string());
  return file;
}

}  // namespace regulus::nn
