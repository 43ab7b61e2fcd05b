#include "core/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace regulus {
namespace {

std::string refusal(std::string_view text) {
  Result<Json> const parsed = parse_json(text);
  EXPECT_FALSE(parsed) << text;
  if (parsed) return "";
  EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
  return parsed.error().message;
}

// The 256 code points below U+0100 as UTF-8, so that controls, quotes and two-byte characters all occur.
std::string some_text() {
  std::string text;
  for (int const c : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 256))) {
    if (c < 128) {
      text += static_cast<char>(c);
    } else {
      text += static_cast<char>(0xC0 | (c >> 6));
      text += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return text;
}

Json some_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0:
      return {};
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    case 3: {
      double real = 0;
      auto const bits = *rc::gen::arbitrary<std::uint64_t>();
      std::memcpy(&real, &bits, sizeof real);
      return std::isfinite(real) ? real : 0.5;
    }
    case 4:
      return some_text();
    case 5: {
      Json list = Json::array();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) list.push_back(some_value(depth - 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) object[some_text()] = some_value(depth - 1);
      return object;
    }
  }
}

RC_GTEST_PROP(Json, every_value_reads_back_the_same_from_either_form, ()) {
  Json const value = some_value(3);
  for (int const indent : {-1, 0, 2}) {
    Result<Json> const back = parse_json(value.dump(indent));
    RC_ASSERT(static_cast<bool>(back));
    RC_ASSERT(*back == value);
  }
}

TEST(Json, numbers_keep_their_kind) {
  EXPECT_TRUE(parse_json("3")->is_integer());
  EXPECT_FALSE(parse_json("3.0")->is_integer());
  EXPECT_FALSE(parse_json("3e0")->is_integer());
  EXPECT_EQ(Json(3).dump(), "3");
  EXPECT_EQ(Json(3.0).dump(), "3.0");
  EXPECT_NE(Json(3), Json(3.0));
  EXPECT_EQ(Json(3).as_number(), 3.0);
}

TEST(Json, the_ends_of_the_integers_are_exact_and_what_lies_beyond_is_a_real) {
  EXPECT_EQ(parse_json("9223372036854775807")->as_integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_json("-9223372036854775808")->as_integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(parse_json("9223372036854775808")->is_integer());
  EXPECT_EQ(parse_json("9223372036854775808")->as_number(), 0x1p63);
  EXPECT_EQ(parse_json("123456789012345678901234567890")->as_number(), 123456789012345678901234567890.0);
}

TEST(Json, an_unsigned_number_that_no_integer_holds_becomes_a_real) {
  EXPECT_EQ(Json(std::numeric_limits<std::uint64_t>::max()).as_number(), 0x1p64);
  EXPECT_EQ(Json(std::uint64_t{7}).as_integer(), 7);
}

TEST(Json, reals_are_written_with_the_fewest_digits_that_read_back) {
  EXPECT_EQ(Json(0.1).dump(), "0.1");
  EXPECT_EQ(Json(-0.0).dump(), "-0.0");
  EXPECT_EQ(Json(1e22).dump(), "1e+22");
  EXPECT_EQ(parse_json(Json(5e-324).dump())->as_number(), 5e-324);
  EXPECT_TRUE(std::signbit(parse_json("-0.0")->as_number()));
}

TEST(Json, numbers_that_json_lacks_are_written_as_null) {
  EXPECT_EQ(Json(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
  EXPECT_EQ(Json(Json::Array{1, -std::numeric_limits<double>::infinity()}).dump(), "[1,null]");
}

TEST(Json, a_number_too_large_for_a_real_is_refused_by_name) {
  EXPECT_EQ(refusal("[1, 1e400]"), "not JSON: number 1e400 is too large at line 1, column 9");
}

TEST(Json, a_key_that_occurs_twice_is_refused_by_name) {
  EXPECT_EQ(refusal(R"({"a": 1, "b": {"a": 2}, "a": 3})"), "not JSON: key \"a\" occurs twice");
  EXPECT_TRUE(parse_json(R"({"a": {"a": 1}})"));
}

TEST(Json, keys_keep_their_order) {
  EXPECT_EQ(parse_json(R"({"z": 1, "a": 2, "m": 3})")->dump(), R"({"z":1,"a":2,"m":3})");
}

TEST(Json, two_hundred_levels_are_read_and_one_more_is_refused) {
  auto const nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(200)));
  EXPECT_EQ(refusal(nested(201)), "not JSON: nested deeper than 200 levels");
  EXPECT_NE(refusal(std::string(1'000'000, '[')), "");
  std::string objects;
  for (int i = 0; i < 201; ++i) objects += "{\"k\":";
  EXPECT_EQ(refusal(objects), "not JSON: nested deeper than 200 levels");
}

TEST(Json, text_that_is_not_utf_8_is_refused) {
  EXPECT_NE(refusal("\"\xff\""), "");
  EXPECT_NE(refusal("\"\xc3\""), "");          // half a character
  EXPECT_NE(refusal("\"\xc0\xaf\""), "");      // an overlong slash
  EXPECT_NE(refusal("\"\xed\xa0\x80\""), "");  // a surrogate
  EXPECT_NE(refusal(R"("\ud800")"), "");       // half a pair
  EXPECT_EQ(parse_json(R"("\u00e9\ud83d\ude00")")->as_string(), "é😀");
  EXPECT_EQ(Json("é😀").dump(), "\"é😀\"");
}

TEST(Json, every_character_is_written_so_that_it_is_read_again) {
  for (int c = 0; c < 0x80; ++c) {
    std::string const text = {'a', static_cast<char>(c), 'z'};
    Result<Json> const back = parse_json(Json::object({{text, text}}).dump());
    ASSERT_TRUE(back) << c;
    EXPECT_EQ(back->as_object().front().first, text);
    EXPECT_EQ(back->as_object().front().second.as_string(), text);
  }
  EXPECT_EQ(Json("a\x1f\"\\\x7f").dump(), "\"a\\u001f\\\"\\\\\x7f\"");
}

TEST(Json, a_text_of_ours_that_is_not_utf_8_is_still_written_as_valid_json) {
  EXPECT_TRUE(parse_json(Json("\xff").dump()));
}

TEST(Json, control_characters_and_zero_survive) {
  std::string const text("a\0\n\x1f\"\\", 6);
  EXPECT_EQ(parse_json(Json(text).dump())->as_string(), text);
}

TEST(Json, an_error_names_line_and_column) {
  // The third line is `  "b" 2`; the column is where the 2 stands: 2 spaces, 3 characters, 1 space, then it.
  EXPECT_EQ(refusal("{\n  \"a\": 1,\n  \"b\" 2\n}"), "not JSON: unexpected text or end at line 3, column 7");
  EXPECT_EQ(refusal("nul"), "not JSON: unexpected text or end at line 1, column 3");
}

TEST(Json, half_a_document_and_two_documents_are_refused) {
  for (char const* text :
       {"", " ", "{", "[1,", "[1,]", "{} {}", "1 2", "'a'", "{a: 1}", "NaN", "// note\n1", "\"a", "-"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
}

TEST(Json, every_prefix_of_an_object_is_refused) {
  std::string const text = R"({"a": [1, 2.5, "x\n", null, true], "b": {"c": -3e-2}})";
  ASSERT_TRUE(parse_json(text));
  for (std::size_t n = 0; n < text.size(); ++n) EXPECT_NE(refusal(std::string_view(text).substr(0, n)), "");
}

TEST(Json, members_are_found_and_added) {
  Json object;
  object["a"] = 1;
  object["b"]["c"] = "deep";
  object["a"] = 2;
  EXPECT_EQ(object.dump(), R"({"a":2,"b":{"c":"deep"}})");
  EXPECT_EQ(object.find("b")->find("c")->as_string(), "deep");
  EXPECT_EQ(object.find("z"), nullptr);
  EXPECT_EQ(Json(5).find("z"), nullptr);
  EXPECT_TRUE(object.has("a"));
}

TEST(Json, indented_lists_of_scalars_stay_on_one_line) {
  EXPECT_EQ(parse_json(R"({"curve":[1,2],"rows":[[1],[2]],"none":[],"empty":{}})")->dump(2),
            "{\n  \"curve\": [1, 2],\n  \"rows\": [\n    [1],\n    [2]\n  ],\n  \"none\": [],\n  \"empty\": {}\n}");
}

TEST(Json, each_kind_has_a_name_for_messages) {
  EXPECT_EQ(Json().kind(), "null");
  EXPECT_EQ(Json(true).kind(), "true or false");
  EXPECT_EQ(Json(1).kind(), "an integer");
  EXPECT_EQ(Json(1.5).kind(), "a number");
  EXPECT_EQ(Json("").kind(), "a text");
  EXPECT_EQ(Json::array().kind(), "a list");
  EXPECT_EQ(Json::object().kind(), "an object");
}

TEST(JsonDeathTest, reading_a_value_as_another_kind_is_a_bug_of_ours) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH((void)Json("text").as_bool(), "internal error");
}

}  // namespace
}  // namespace regulus
