// How texts and containers are written; that a parser reads them back is tests/app/test_serve.py's affair.
#include "core/yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace regulus {
namespace {

std::string yaml(std::string_view json) {
  Result<Json> const value = parse_json(json);
  EXPECT_TRUE(value) << json;
  return value ? yaml_text(*value) : "";
}

TEST(Yaml, writes_nested_containers_as_blocks_in_their_order) {
  EXPECT_EQ(yaml(R"({"b": {"v": 1, "x": [1, {"k": true, "l": null}, [2, []]]}, "a": {}, "c": []})"),
            "b:\n"
            "  v: 1\n"
            "  x:\n"
            "    - 1\n"
            "    - k: true\n"
            "      l: null\n"
            "    - - 2\n"
            "      - []\n"
            "a: {}\n"
            "c: []\n");
}

TEST(Yaml, leaves_texts_bare_that_read_as_themselves) {
  for (std::string const text : {"pickup", "two words", "/api/v1/{company}", "a:b", "a#b", "it's", "application/json",
                                 "nothing", "trueish", "$ref", "x-scope", "a, b [c]"}) {
    EXPECT_EQ(yaml_text(Json(text)), text + "\n");
  }
}

TEST(Yaml, quotes_texts_that_would_be_read_as_something_else) {
  for (std::string const text :
       {"",     "true", "True", "FALSE", "null", "Null", "~",   "no",   "Yes",  "on",   "OFF",        "y",
        "N",    "1",    "1.0",  "-1",    "1e5",  "0x1F", ".5",  ".inf", ".NaN", "1:30", "2026-03-01", "+1",
        "a: b", "a:",   "a #b", "#a",    "- a",  "-a",   "? a", ": a",  "[a]",  "{a}",  "&a",         "*a",
        "!a",   "|",    ">",    "%a",    "@a",   "`a",   "'a'", " a",   "a ",   "<<",   "=",          ",a"}) {
    EXPECT_EQ(yaml_text(Json(text)), "\"" + text + "\"\n");
  }
  EXPECT_EQ(yaml(R"({"no": 1, "200": 2})"), "\"no\": 1\n\"200\": 2\n") << "and so are keys";
}

TEST(Yaml, escapes_what_a_line_cannot_hold) {
  EXPECT_EQ(yaml_text(Json("one\ntwo\tthree")), "\"one\\ntwo\\tthree\"\n");
  EXPECT_EQ(yaml_text(Json("say \"a\\b\": c")), "\"say \\\"a\\\\b\\\": c\"\n");
  EXPECT_EQ(yaml_text(Json("caf\xC3\xA9")), "\"caf\xC3\xA9\"\n");
  // DEL, next line, line separator, byte-order mark.
  EXPECT_EQ(yaml_text(Json("a\x7F\xC2\x85\xE2\x80\xA8\xEF\xBB\xBF")), "\"a\\u007f\\u0085\\u2028\\ufeff\"\n");
  EXPECT_EQ(yaml_text(Json("\xC2\xA0\xE2\x80\xAF")), "\"\xC2\xA0\xE2\x80\xAF\"\n") << "the spaces of French stand";
}

TEST(Yaml, writes_numbers_that_stay_numbers) {
  EXPECT_EQ(yaml("[3, -0.5, 3.0, 1e20, 1.5e-7]"), "- 3\n- -0.5\n- 3.0\n- 1.0e+20\n- 1.5e-07\n");
}

}  // namespace
}  // namespace regulus
