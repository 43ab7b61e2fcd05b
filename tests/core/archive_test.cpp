#include "core/archive.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <limits>

#include "core/files.h"

namespace regulus {
namespace {

struct Point {
  std::int32_t x, y;
  friend bool operator==(Point const&, Point const&) = default;
};

std::string sample() {
  ArchiveWriter out;
  out.tag("numbers");
  out.put(7);
  out.put(0.1);
  out.put(std::vector<float>{1.5F, -2.0F});
  out.put(std::vector<int>{});
  out.tag("rest");
  out.put(std::string("a\0b", 3));
  out.put(true);
  out.put(Point{3, -4});
  out.put(std::array<std::uint8_t, 3>{1, 2, 3});
  return std::move(out).finish();
}

Status read_sample(std::string bytes) {
  Result<ArchiveReader> in = ArchiveReader::open(std::move(bytes));
  if (!in) return in.error();
  int integer = 0;
  double real = 0;
  std::vector<float> floats;
  std::vector<int> none;
  std::string text;
  bool flag = false;
  Point point{};
  std::array<std::uint8_t, 3> octets{};
  in->tag("numbers");
  in->get(integer);
  in->get(real);
  in->get(floats);
  in->get(none);
  in->tag("rest");
  in->get(text);
  in->get(flag);
  in->get(point);
  in->get(octets);
  Status const status = in->finish();
  if (status) {
    EXPECT_EQ(integer, 7);
    EXPECT_EQ(real, 0.1);
    EXPECT_EQ(floats, (std::vector<float>{1.5F, -2.0F}));
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(text, std::string("a\0b", 3));
    EXPECT_TRUE(flag);
    EXPECT_EQ(point, (Point{3, -4}));
    EXPECT_EQ(octets, (std::array<std::uint8_t, 3>{1, 2, 3}));
  }
  return status;
}

TEST(Archive, what_is_put_is_what_is_got) { EXPECT_TRUE(read_sample(sample())); }

TEST(Archive, the_same_values_give_the_same_bytes) { EXPECT_EQ(sample(), sample()); }

TEST(Archive, every_truncation_is_refused) {
  std::string const whole = sample();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    Status const status = read_sample(whole.substr(0, n));
    ASSERT_FALSE(status) << n << " of " << whole.size() << " bytes";
    EXPECT_EQ(status.error().kind, ErrorKind::corrupt);
  }
}

TEST(Archive, every_flipped_bit_is_refused) {
  std::string const whole = sample();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    Status const status = read_sample(damaged);
    ASSERT_FALSE(status) << "bit " << bit;
    EXPECT_EQ(status.error().kind, ErrorKind::corrupt);
  }
}

TEST(Archive, a_byte_behind_the_end_is_refused) { EXPECT_FALSE(read_sample(sample() + "x")); }

TEST(Archive, literals_and_views_are_stored_as_the_text_they_show) {
  ArchiveWriter by_view;
  by_view.put(std::string_view("same"));
  ArchiveWriter by_literal;
  by_literal.put("same");
  ArchiveWriter by_string;
  by_string.put(std::string("same"));
  std::string const expected = std::move(by_string).finish();
  EXPECT_EQ(std::move(by_view).finish(), expected);
  EXPECT_EQ(std::move(by_literal).finish(), expected);
}

TEST(Archive, a_reader_in_the_wrong_section_says_which_it_missed) {
  ArchiveWriter out;
  out.tag("replay");
  Result<ArchiveReader> in = ArchiveReader::open(std::move(out).finish());
  ASSERT_TRUE(in);
  in->tag("weights");
  EXPECT_TRUE(in->failed());
  EXPECT_EQ(in->finish().error().message, "content does not fit from section weights");
}

TEST(Archive, reading_less_than_was_written_is_an_error) {
  ArchiveWriter out;
  out.put(1);
  out.put(2);
  Result<ArchiveReader> in = ArchiveReader::open(std::move(out).finish());
  int one = 0;
  in->get(one);
  EXPECT_EQ(one, 1);
  EXPECT_FALSE(in->finish());
}

TEST(Archive, after_the_first_failure_everything_reads_as_zero) {
  ArchiveWriter out;
  out.put(std::uint64_t{1'000'000});  // a length that promises more than there is
  out.put(5);
  Result<ArchiveReader> in = ArchiveReader::open(std::move(out).finish());
  std::vector<double> reals{1, 2, 3};
  int number = 9;
  std::string text = "left over";
  in->get(reals);
  in->get(number);
  in->get(text);
  EXPECT_TRUE(in->failed());
  EXPECT_TRUE(reals.empty());
  EXPECT_EQ(number, 0);
  EXPECT_EQ(text, "");
  EXPECT_FALSE(in->finish());
}

TEST(Archive, a_length_whose_bytes_overflow_is_refused) {
  for (std::uint64_t const length : {std::numeric_limits<std::uint64_t>::max(), (std::uint64_t{1} << 61) + 1}) {
    ArchiveWriter out;
    out.put(length);
    out.put(0.5);
    Result<ArchiveReader> in = ArchiveReader::open(std::move(out).finish());
    std::vector<double> reals;
    in->get(reals);
    EXPECT_TRUE(in->failed());
    EXPECT_TRUE(reals.empty());
  }
}

TEST(Archive, a_file_of_another_program_is_refused) {
  EXPECT_EQ(ArchiveReader::open("PK\3\4 something else").error().message, "not a checkpoint of this program");
  EXPECT_EQ(ArchiveReader::open("").error().message, "not a checkpoint of this program");
}

TEST(Archive, another_format_is_refused_by_number) {
  std::string bytes = ArchiveWriter().finish();
  bytes.resize(bytes.size() - sizeof(std::uint32_t));
  bytes[4] = 2;  // the lowest byte of the version
  std::uint32_t const crc = crc32c(bytes);
  bytes.append(reinterpret_cast<char const*>(&crc), sizeof crc);
  EXPECT_EQ(ArchiveReader::open(bytes).error().message, "checkpoint format 2 is not format 1");
}

RC_GTEST_PROP(Archive, any_sequence_of_vectors_and_texts_comes_back, ()) {
  auto const lists = *rc::gen::arbitrary<std::vector<std::vector<std::int64_t>>>();
  auto const texts = *rc::gen::arbitrary<std::vector<std::string>>();
  ArchiveWriter out;
  for (auto const& list : lists) out.put(list);
  for (auto const& text : texts) out.put(text);
  Result<ArchiveReader> in = ArchiveReader::open(std::move(out).finish());
  RC_ASSERT(static_cast<bool>(in));
  for (auto const& list : lists) {
    std::vector<std::int64_t> back;
    in->get(back);
    RC_ASSERT(back == list);
  }
  for (auto const& text : texts) {
    std::string back;
    in->get(back);
    RC_ASSERT(back == text);
  }
  RC_ASSERT(static_cast<bool>(in->finish()));
}

}  // namespace
}  // namespace regulus
