#include "tests/server/openapi_document.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

// Calls `visit` with every object in the document and where it stands.
template <class Visit>
void walk(Json const& json, std::string const& at, Visit const& visit) {
  if (json.is_array()) {
    for (std::size_t i = 0; i < json.as_array().size(); ++i) {
      walk(json.as_array()[i], at + "/" + std::to_string(i), visit);
    }
  }
  if (!json.is_object()) return;
  visit(json, at);
  for (auto const& [key, member] : json.as_object()) walk(member, at + "/" + key, visit);
}

std::string word(BodyKind kind) {
  switch (kind) {
    case BodyKind::none:
      return "none";
    case BodyKind::json:
      return "application/json";
    case BodyKind::csv:
      return "text/csv";
  }
  return "";
}

TEST(OpenApi, lists_the_operations_that_there_are_and_no_others) {
  OpenApi const api;
  std::set<std::string> described, offered;
  for (auto const& [route, operation] : api.by_route()) {
    Json const* const body = operation->find("requestBody");
    std::string const kind = body == nullptr ? "none" : body->find("content")->as_object().front().first;
    described.insert(fmt::format("{} {} scope '{}' body {}", text_at(*operation, "operationId"), route,
                                 text_at(*operation, "x-scope"), kind));
  }
  for (Operation const& operation : operations()) {
    offered.insert(
        fmt::format("{} {} scope '{}' body {}", operation.id, operation.route, operation.scope, word(operation.body)));
  }
  EXPECT_EQ(described, offered);
  EXPECT_GT(offered.size(), 60U);
}

TEST(OpenApi, asks_for_a_token_where_one_is_needed) {
  OpenApi const api;
  for (Operation const& operation : operations()) {
    Json const* const security = api.operation(operation).find("security");
    bool const open = security != nullptr && security->is_array() && security->as_array().empty();
    EXPECT_EQ(open, operation.scope.empty()) << operation.id;
  }
}

TEST(OpenApi, refers_only_to_what_it_has_and_has_only_what_it_refers_to) {
  OpenApi const api;
  std::set<std::string> used;
  walk(api.document(), "", [&](Json const& object, std::string const& at) {
    Json const* const reference = object.find("$ref");
    if (reference == nullptr) return;
    EXPECT_NE(api.target(reference->as_string()), nullptr) << at << " → " << reference->as_string();
    used.insert(reference->as_string());
  });
  EXPECT_GT(used.size(), 100U);
  for (char const* kind : {"schemas", "parameters", "responses", "headers"}) {
    for (auto const& [name, ignored] : api.document().find("components")->find(kind)->as_object()) {
      EXPECT_TRUE(used.contains(fmt::format("#/components/{}/{}", kind, name)))
          << kind << " " << name << " is of no use";
    }
  }
}

TEST(OpenApi, names_the_variables_of_every_path) {
  OpenApi const api;
  std::regex const variable("\\{([a-z]+)\\}");
  for (Operation const& operation : operations()) {
    std::string const route(operation.route);
    std::set<std::string> wanted, described;
    for (auto it = std::sregex_iterator(route.begin(), route.end(), variable); it != std::sregex_iterator(); ++it) {
      wanted.insert((*it)[1]);
    }
    if (Json const* parameters = api.operation(operation).find("parameters")) {
      for (Json const& parameter : parameters->as_array()) {
        Json const& p = api.resolved(parameter);
        if (text_at(p, "in") == "path") described.insert(text_at(p, "name"));
      }
    }
    EXPECT_EQ(described, wanted) << operation.id;
  }
}

TEST(OpenApi, takes_an_idempotency_key_wherever_something_is_posted_but_where_a_secret_is_told) {
  OpenApi const api;
  for (Operation const& op : operations()) {
    bool described = false;
    if (Json const* parameters = api.operation(op).find("parameters")) {
      for (Json const& parameter : parameters->as_array()) {
        described = described || text_at(api.resolved(parameter), "name") == "Idempotency-Key";
      }
    }
    bool const tells_secret = op.id == "create_token" || op.id == "rotate_token";
    EXPECT_EQ(described, op.route.starts_with("POST ") && !tells_secret) << op.id;
  }
}

TEST(OpenApi, documents_every_problem_under_its_status) {
  OpenApi const api;
  std::map<std::string, int> times;
  Json const* const responses = api.document().find("components")->find("responses");
  for (auto const& [name, response] : responses->as_object()) {
    Json const* const codes = response.find("x-problems");
    if (codes == nullptr) continue;
    for (Json const& code : codes->as_array()) ++times[code.as_string()];
  }
  std::vector<std::string> enumerated, known;
  for (Json const& code : api.target("#/components/schemas/Problem/properties/code/enum")->as_array()) {
    enumerated.push_back(code.as_string());
  }
  for (ProblemCode const code : all_problem_codes()) {
    known.emplace_back(name_of(code));
    EXPECT_EQ(times[std::string(name_of(code))], 1) << name_of(code);
  }
  EXPECT_EQ(enumerated, known);
}

TEST(OpenApi, documents_what_every_operation_of_its_kind_can_answer) {
  OpenApi const api;
  for (Operation const& op : operations()) {
    auto const expect = [&](int status, std::string const& problem) {
      EXPECT_TRUE(api.is_documented(op, status, problem)) << op.id << " " << status << " " << problem;
    };
    expect(500, "internal");
    expect(503, "not-ready");
    expect(413, "payload-too-large");
    if (op.effect == Effect::write || op.effect == Effect::work) expect(507, "storage-full");
    if (!op.scope.empty()) {
      expect(401, "unauthenticated");
    }
    if (!op.is_health()) expect(429, "rate-limited");
    if (!op.scope.empty() && op.scope != "*") expect(403, "forbidden");
    if (op.route.find('{') != std::string_view::npos) expect(404, "not-found");
    if (op.body == BodyKind::json) expect(400, "invalid-json");
    if (op.body != BodyKind::none) expect(415, "unsupported-media-type");
    expect(422, "invalid-body");
  }
}

TEST(OpenApi, is_strict_about_every_body_and_gives_an_example_that_is_valid) {
  OpenApi const api;
  int bodies = 0;
  for (Operation const& op : operations()) {
    if (op.body != BodyKind::json) continue;
    Json const* const schema = api.body_schema(op);
    Json const* const example = api.body_example(op);
    ASSERT_NE(schema, nullptr) << op.id;
    ASSERT_NE(example, nullptr) << op.id;
    EXPECT_EQ(api.fault(*example, *schema), "") << op.id;
    Json more = *example;
    more["not_known"] = 1;
    EXPECT_NE(api.fault(more, *schema), "") << op.id << " takes members that it does not know";
    ++bodies;
  }
  EXPECT_GT(bodies, 30);
}

TEST(OpenApi, lists_the_scopes_that_a_token_can_have) {
  OpenApi const api;
  std::vector<std::string> described;
  for (Json const& scope : api.target("#/components/schemas/NewToken/properties/scopes/items/enum")->as_array()) {
    described.push_back(scope.as_string());
  }
  std::vector<std::string> wanted = ServerUnderTest::every_scope();
  std::ranges::sort(wanted);
  EXPECT_EQ(described, wanted);
}

TEST(OpenApi, is_served_as_it_stands) {
  ServerUnderTest test;
  Response const response = test.ask("GET", "/openapi.json");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, openapi_text());
}

// What the schemas' reader of these tests takes and refuses: a reader that takes everything would prove nothing.
TEST(OpenApi, is_read_strictly_by_these_tests) {
  OpenApi const api;
  auto const is_valid = [&](std::string_view value, std::string_view schema) {
    return api.fault(*parse_json(value), *parse_json(schema)).empty();
  };
  EXPECT_TRUE(is_valid("1", R"({"type":"integer","minimum":1})"));
  EXPECT_FALSE(is_valid("1.0", R"({"type":"integer"})"));
  EXPECT_FALSE(is_valid("0", R"({"type":"integer","minimum":1})"));
  EXPECT_FALSE(is_valid("\"false\"", R"({"type":"boolean"})"));
  EXPECT_TRUE(is_valid("null", R"({"type":["string","null"]})"));
  EXPECT_FALSE(is_valid("null", R"({"type":"string"})"));
  EXPECT_FALSE(is_valid("{}", R"({"type":"object","required":["a"]})"));
  EXPECT_FALSE(is_valid("{\"b\":1}", R"({"type":"object","additionalProperties":false,"properties":{}})"));
  EXPECT_FALSE(is_valid("[1,\"x\"]", R"({"type":"array","items":{"type":"integer"}})"));
  EXPECT_FALSE(is_valid("\"2026-02-30\"", R"({"type":"string","format":"date"})"));
  EXPECT_TRUE(is_valid("3", R"({"anyOf":[{"type":"string"},{"type":"integer"}]})"));
}

}  // namespace
}  // namespace regulus::server
