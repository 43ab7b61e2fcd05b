#include "server/http/problem.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "server/http/fault.h"
#include "server/http/text.h"

namespace regulus::server {
namespace {

Json body_of(Response const& response) {
  Result<Json> json = parse_json(response.body);
  EXPECT_TRUE(json) << response.body;
  return json ? json.take() : Json::object();
}

TEST(Language, is_the_one_with_the_higher_weight_and_english_by_default) {
  for (auto const& [header, french] : std::vector<std::pair<std::string, bool>>{
           {"", false},
           {"de", false},
           {"fr", true},
           {"FR-ch", true},
           {"fr-CH, fr;q=0.9, en;q=0.8", true},
           {"en;q=0.9, fr", true},
           {"en, fr;q=0.9", false},
           {"fr;q=0.5, en;q=0.501", false},
           {"fr, en", true},
           {"en, fr", false},
           {"fr;q=0", false},
           {"fr;q=0, en;q=0", false},
           {"*", false},
           {"en;q=0.1, *;q=0.5", true},
           {"fr;q=0.3, *;q=0.5", false},
           {"fro", false},
           {"fr;q=2", false},
           {"fr;q=0.1234", false},
           {"fr;level=1", false},
           {",, fr ; q=0.7 ,en;q=0.6", true},
           {";;;q=,=", false},
       }) {
    EXPECT_EQ(language_of(header) == Language::french, french) << header;
  }
}

TEST(Problem, is_written_as_rfc_9457_says_with_stable_codes) {
  Response const response = problem_response({.code = ProblemCode::invalid_body,
                                              .detail = "One member is wrong.",
                                              .errors = {{"/pickup/lat", "range", "between -90 and 90"}}},
                                             Language::english, "req_1");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body,
            R"({"type":"/problems/invalid-body","title":"The body is not what this operation takes","status":422,)"
            R"("detail":"One member is wrong.","instance":"req_1","code":"invalid-body",)"
            R"("errors":[{"pointer":"/pickup/lat","code":"range","message":"between -90 and 90"}]})");
}

TEST(Problem, speaks_the_language_of_the_request) {
  Request request;
  request.id = "req_2";
  request.headers = {{"accept-language", "fr-CH, en;q=0.5"}};
  Response const response = problem_response({.code = ProblemCode::not_found}, request);
  Json const body = body_of(response);
  EXPECT_EQ(body.find("title")->as_string(), "Il n’y a rien ici");
  EXPECT_EQ(body.find("code")->as_string(), "not-found");
  EXPECT_EQ(body.find("instance")->as_string(), "req_2");
  EXPECT_FALSE(body.has("detail"));
  EXPECT_FALSE(body.has("errors"));
  EXPECT_EQ(*find_value(response.headers, "Content-Language"), "fr");
  Problem const told_in_both{.code = ProblemCode::conflict, .detail = "it rains", .french = "il pleut"};
  EXPECT_EQ(body_of(problem_response(told_in_both, request)).find("detail")->as_string(), "il pleut");
  EXPECT_EQ(body_of(problem_response(told_in_both, Language::english, "")).find("detail")->as_string(), "it rains");
}

TEST(Problem, carries_the_header_that_its_status_demands) {
  auto const header = [](Problem const& problem, std::string_view name) {
    Response const response = problem_response(problem, Language::english, "req_3");
    std::string const* const value = find_value(response.headers, name);
    return value ? *value : "none";
  };
  EXPECT_EQ(header({.code = ProblemCode::unauthenticated}, "WWW-Authenticate"), "Bearer realm=\"regulus\"");
  EXPECT_EQ(header({.code = ProblemCode::method_not_allowed, .allow = {"GET", "HEAD"}}, "Allow"), "GET, HEAD");
  EXPECT_EQ(header({.code = ProblemCode::rate_limited, .retry_after_s = 7}, "Retry-After"), "7");
  EXPECT_EQ(header({.code = ProblemCode::not_ready}, "Retry-After"), "1");
  EXPECT_EQ(header({.code = ProblemCode::forbidden}, "WWW-Authenticate"), "none");
}

TEST(Problem, of_our_own_says_nothing_of_what_happened) {
  Response const response = problem_response({.code = ProblemCode::internal, .detail = "table bookings is locked"},
                                             Language::english, "req_4");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("bookings"), std::string::npos);
}

TEST(Problem, has_every_code_that_is_promised_with_its_status) {
  std::map<std::string, int> const promised = {{"invalid-json", 400},
                                               {"invalid-body", 422},
                                               {"unauthenticated", 401},
                                               {"forbidden", 403},
                                               {"not-found", 404},
                                               {"method-not-allowed", 405},
                                               {"conflict", 409},
                                               {"gate-not-passed", 409},
                                               {"approval-required", 409},
                                               {"precondition-failed", 412},
                                               {"precondition-required", 428},
                                               {"payload-too-large", 413},
                                               {"unsupported-media-type", 415},
                                               {"uri-too-long", 414},
                                               {"headers-too-large", 431},
                                               {"rate-limited", 429},
                                               {"request-timeout", 408},
                                               {"storage-full", 507},
                                               {"not-ready", 503},
                                               {"internal", 500},
                                               {"bad-framing", 400},
                                               {"http-version", 505},
                                               {"expectation-failed", 417},
                                               {"invalid-request", 400}};
  std::map<std::string, int> have;
  for (ProblemCode const code : all_problem_codes()) have.emplace(name_of(code), status_of(code));
  EXPECT_EQ(have, promised);
}

// U+00A0 before a colon, U+202F before ; ! and ?, and no plain space or letter before any of them.
void expect_french_spacing(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') {
      EXPECT_TRUE(text.substr(0, i).ends_with("\u00A0")) << text;
    }
    if (is_one_of(text[i], ";!?")) {
      EXPECT_TRUE(text.substr(0, i).ends_with("\u202F")) << text;
    }
  }
}

TEST(ProblemTexts, exist_in_two_languages_that_differ_and_keep_french_spacing) {
  for (ProblemCode const code : all_problem_codes()) {
    std::string_view const french = title_of(code, Language::french);
    EXPECT_FALSE(french.empty());
    EXPECT_NE(french, title_of(code, Language::english));
    EXPECT_TRUE(is_utf8(french));
    expect_french_spacing(french);
  }
  for (int i = 0; i <= static_cast<int>(Fault::expectation); ++i) {
    std::string_view const french = detail_of(static_cast<Fault>(i), Language::french);
    EXPECT_FALSE(french.empty());
    EXPECT_NE(french, detail_of(static_cast<Fault>(i), Language::english));
    expect_french_spacing(french);
  }
}

TEST(Utf8, is_told_from_what_only_looks_like_it) {
  for (char const* const good : {"", "a", "\u00E9", "\u202F", "\U0001F695", "\U0010FFFF", "\uD7FF", "\uE000"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (char const* const bad : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                                "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x80", "\xF0\x9F\x9A", "\xFF"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace regulus::server
