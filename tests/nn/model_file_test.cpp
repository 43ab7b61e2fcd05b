#include "nn/model_file.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <limits>

#include "core/files.h"

namespace regulus::nn {
namespace {

ModelFile a_model() {
  return {.metadata = {{"config", R"({"seed": 7, "name": "\"quoted\""})"}, {"kind", "dqn"}},
          .tensors = {{.name = "layers.0.weight", .shape = {2, 3}, .values = {1, -2, 0.5, 0, -0.0F, 1e-38F}},
                      {.name = "layers.0.bias", .shape = {2}, .values = {3, 4}},
                      {.name = "scalar", .shape = {}, .values = {7}},
                      {.name = "empty", .shape = {0, 5}, .values = {}}}};
}

// Bit patterns, since NaN is not equal to itself and 0 equals −0.
std::vector<std::uint32_t> bits(std::vector<float> const& values) {
  std::vector<std::uint32_t> result;
  result.reserve(values.size());
  for (float v : values) result.push_back(std::bit_cast<std::uint32_t>(v));
  return result;
}

void expect_equal(ModelFile const& a, ModelFile const& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].name, b.tensors[i].name);
    EXPECT_EQ(a.tensors[i].shape, b.tensors[i].shape);
    EXPECT_EQ(bits(a.tensors[i].values), bits(b.tensors[i].values));
  }
}

// A file with this header, as any program might have written it.
std::string with_header(std::string const& header, std::string const& data = {}) {
  std::uint64_t const length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

void expect_corrupt(std::string const& bytes, std::string const& reason) {
  auto const file = decode_safetensors(bytes);
  ASSERT_FALSE(file) << reason;
  EXPECT_EQ(file.error().kind, ErrorKind::corrupt);
  EXPECT_NE(file.error().message.find(reason), std::string::npos) << file.error().message;
}

TEST(ModelFile, round_trip_keeps_every_bit) {
  ModelFile model = a_model();
  model.tensors[1].values = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()};
  auto const back = decode_safetensors(encode_safetensors(model));
  ASSERT_TRUE(back);
  expect_equal(*back, model);
  EXPECT_EQ(back->find("scalar")->values[0], 7);
  EXPECT_EQ(back->find("absent"), nullptr);
}

TEST(ModelFile, round_trip_through_the_disk) {
  auto const path = std::filesystem::path(testing::TempDir()) / "model_file_test" / "agent.safetensors";
  ASSERT_TRUE(write_model(path, a_model()));
  auto const back = read_model(path);
  ASSERT_TRUE(back);
  expect_equal(*back, a_model());
  std::filesystem::remove_all(path.parent_path());
  auto const absent = read_model(path);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
}

TEST(ModelFile, damage_on_disk_names_the_file) {
  auto const path = std::filesystem::path(testing::TempDir()) / "model_file_test_damaged.safetensors";
  ASSERT_TRUE(write_file(path, encode_safetensors(a_model()).substr(0, 100)));
  auto const file = read_model(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::corrupt);
  EXPECT_NE(file.error().message.find(path.string()), std::string::npos);
  std::filesystem::remove(path);
}

// The very bytes, as the format's specification has them: length, header padded to eight bytes, floats.
TEST(ModelFile, bytes_are_those_of_the_format) {
  ModelFile const model{.metadata = {{"kind", "dqn"}}, .tensors = {{.name = "w", .shape = {1, 2}, .values = {1, -2}}}};
  std::string const header =
      R"({"__metadata__":{"kind":"dqn","writer":"regulus","crc32c":"00000000"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  std::string const padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  std::string expected = with_header(padded, std::string("\x00\x00\x80\x3F\x00\x00\x00\xC0", 8));
  std::size_t const digits = expected.find("00000000\"");
  std::string const crc = fmt::format("{:08x}", crc32c(expected));  // of the file with zeros for digits
  EXPECT_EQ(encode_safetensors(model), expected.replace(digits, 8, crc));
}

TEST(ModelFile, files_from_elsewhere_need_no_checksum) {
  auto const good = decode_safetensors(with_header(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
                                                   R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )",
                                                   std::string("\x00\x00\x80\x3F\x00\x00\x00\xC0", 8)));
  ASSERT_TRUE(good) << good.error().message;
  ASSERT_EQ(good->tensors.size(), 2U);
  EXPECT_EQ(good->tensors[0].name, "a");  // in the order of their bytes
  EXPECT_EQ(good->tensors[0].values[0], 1.0F);
  EXPECT_EQ(good->tensors[1].values[0], -2.0F);
}

TEST(ModelFile, every_kind_of_damage_is_named) {
  std::string const eight(8, 'x');
  expect_corrupt("", "ends after 0 bytes");
  expect_corrupt("1234567", "ends after 7 bytes");
  expect_corrupt(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10), "18446744073709551615");
  expect_corrupt(std::string("\x09\0\0\0\0\0\0\0{}", 10), "header should take 9 bytes, but 2 follow");
  expect_corrupt(with_header(""), "no JSON object");
  expect_corrupt(with_header("[]"), "no JSON object");
  expect_corrupt(with_header(" {}"), "no JSON object");
  expect_corrupt(with_header("{\"a\":}"), "no JSON");
  expect_corrupt(with_header(R"({"a":1,"a":1})"), "no JSON");
  expect_corrupt(with_header(R"({"a":1})"), "no dtype");
  expect_corrupt(with_header(R"({"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})", eight), "F16");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", eight), "no shape");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", eight), "extent -2");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", eight), "extent 2.0");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,0]}})"),
                 "too large");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", eight), "data_offsets");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", eight), "needs 8 bytes");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight), "needs 12 bytes");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight), "gap");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                             eight),
                 "overlapping");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight),
                 "take 4 bytes, but 8");
  expect_corrupt(with_header(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})", eight),
                 "take 12 bytes, but 8");
  expect_corrupt(with_header(R"({"__metadata__":3})"), "__metadata__");
  expect_corrupt(with_header(R"({"__metadata__":{"a":3}})"), "metadata \"a\"");
  expect_corrupt(with_header(R"({"__metadata__":{"crc32c":"12345678"}})"), "checksum");
  expect_corrupt(with_header(R"({"__metadata__":{"crc32c": "12345678"}})"), "checksum");
  expect_corrupt(with_header(R"({"__metadata__":{"crc32c":"12"}})"), "checksum");
  expect_corrupt(encode_safetensors(a_model()) + "x", "follow the header");
}

TEST(ModelFile, every_single_flipped_bit_and_every_truncation_is_noticed) {
  std::string const good = encode_safetensors(a_model());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    auto const file = decode_safetensors(bad);
    ASSERT_FALSE(file) << "bit " << bit;
    ASSERT_EQ(file.error().kind, ErrorKind::corrupt);
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    auto const file = decode_safetensors(good.substr(0, length));
    ASSERT_FALSE(file) << "length " << length;
    ASSERT_EQ(file.error().kind, ErrorKind::corrupt);
  }
}

RC_GTEST_PROP(ModelFile, any_model_survives_the_round_trip_and_any_bytes_are_answered, ()) {
  ModelFile model;
  model.metadata["note"] = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  int const count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    auto const shape = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 5));
    RC_PRE(shape.size() < 5U);
    std::size_t size = 1;
    for (std::int64_t extent : shape) size *= static_cast<std::size_t>(extent);
    model.tensors.push_back({fmt::format("tensor {}", i), shape, std::vector<float>(size, static_cast<float>(i))});
  }
  std::string bytes = encode_safetensors(model);
  auto const back = decode_safetensors(bytes);
  RC_ASSERT(static_cast<bool>(back));
  RC_ASSERT(encode_safetensors(*back) == bytes);
  RC_ASSERT(back->metadata == model.metadata);

  // Several bytes at once, and without our checksum, so that damage gets past it: an answer of any kind, but no crash.
  auto const damage = *rc::gen::container<std::vector<std::pair<std::size_t, char>>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, bytes.size()), rc::gen::arbitrary<char>()));
  std::size_t const entry = bytes.find("crc32c");
  bytes[entry] = 'C';
  bytes[bytes.find("regulus")] = 'R';
  for (auto const& [at, byte] : damage) bytes[at] = byte;
  auto const damaged = decode_safetensors(bytes);
  if (!damaged) RC_ASSERT(damaged.error().kind == ErrorKind::corrupt);
}

}  // namespace
}  // namespace regulus::nn
