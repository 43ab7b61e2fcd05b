#include "domain/json_reader.h"

#include <gtest/gtest.h>

namespace regulus {
namespace {

std::string read_as(WholeNumbers numbers, std::string_view text) {
  Json const json = *parse_json(text);
  Status status = ok();
  JsonReader const at(json, status, numbers);
  std::int64_t value = 0;
  at.each("list",
          [&](JsonReader const& item) { item.in("n", [&](JsonReader const& n) { n.integer(0, 100, value); }); });
  return status ? std::to_string(value) : status.error().message;
}

TEST(JsonReader, takes_a_real_for_a_whole_number_where_files_are_read) {
  EXPECT_EQ(read_as(WholeNumbers::as_reals_too, R"({"list":[{"n":64.0}]})"), "64");
  EXPECT_EQ(read_as(WholeNumbers::as_reals_too, R"({"list":[{"n":64.5}]})"), "list[0].n = 64.5 is no whole number");
}

TEST(JsonReader, takes_only_integers_where_a_client_is_read) {
  EXPECT_EQ(read_as(WholeNumbers::as_integers_only, R"({"list":[{"n":64}]})"), "64");
  for (char const* number : {"64.0", "6.4e1", "1e0", "-0.0"}) {
    std::string const text = std::string(R"({"list":[{"n":)") + number + "}]}";
    EXPECT_NE(read_as(WholeNumbers::as_integers_only, text).find("is written as a real"), std::string::npos) << number;
  }
}

TEST(JsonReader, takes_seconds_as_integers_where_a_client_is_read) {
  Json const json = *parse_json("28800.0");
  Seconds moment = 0;
  Status lenient = ok(), strict = ok();
  JsonReader(json, lenient).moment(moment);
  EXPECT_TRUE(lenient);
  EXPECT_EQ(moment, 28'800);
  JsonReader(json, strict, WholeNumbers::as_integers_only).moment(moment);
  EXPECT_FALSE(strict);
}

}  // namespace
}  // namespace regulus
