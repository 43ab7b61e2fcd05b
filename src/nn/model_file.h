// A model on disk: the safetensors format (8-byte header length, JSON header, raw little-endian tensors), so that any
// safetensors reader opens it.
//
// Our metadata entries are texts under __metadata__, each a JSON document or a plain word. Two more are added on
// writing and left out on reading: "writer" says that a checksum must follow, and "crc32c" is that of the whole file
// with its own eight digits as zeros. Files without either (from elsewhere) are accepted if well formed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "nn/network.h"

namespace regulus::nn {

struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // stored as F32
};

struct ModelFile {
  std::map<std::string, std::string> metadata;
  std::vector<Tensor> tensors;  // in file order
  Tensor const* find(std::string const& name) const;
};

// Names of tensors must differ.
std::string encode_safetensors(ModelFile const& file);
// Errors: corrupt, naming what is wrong (length, header, overlap, gap, dtype other than F32, checksum). Never reads out
// of bounds, whatever the bytes.
Result<ModelFile> decode_safetensors(std::string const& bytes);

// A network's weights as tensors: one for each of its blocks, under its name; a linear layer's weight is out × in.
std::vector<Tensor> tensors_of(Network const& network);
// The other way round, into a network of the same blocks. Errors: corrupt, when a tensor is missing, has another size
// or holds what is no finite number, or when there are others; `network` is then half written.
Status load_tensors(ModelFile const& file, Network& network);

Status write_model(std::filesystem::path const& path, ModelFile const& file);  // atomic, see core/files.h
Result<ModelFile> read_model(std::filesystem::path const& path);

}  // namespace regulus::nn
