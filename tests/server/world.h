// Two companies with everything an operation can be about, and requests made from the description's own examples.
#pragma once

#include "core/files.h"
#include "nn/model_file.h"
#include "store/decisions.h"
#include "store/study_reports.h"
#include "store/suggestions.h"
#include "tests/server/openapi_document.h"
#include "tests/server/support.h"
#include "tests/support/random_values.h"

namespace regulus::server {

// What the variables of a route stand for.
using Names = std::map<std::string, std::string>;

// A route with its variables replaced, "/api/v1/companies/1/drivers/1".
inline std::string path_of(Operation const& op, Names const& names) {
  std::string path(op.route.substr(op.route.find(' ') + 1));
  for (auto const& [name, value] : names) {
    std::string const variable = "{" + name + "}";
    if (auto const at = path.find(variable); at != std::string::npos) path.replace(at, variable.size(), value);
  }
  return path;
}
inline std::string method_of(Operation const& op) { return std::string(op.route.substr(0, op.route.find(' '))); }
inline bool is_about_a_company(Operation const& op) { return op.route.find("{company}") != std::string_view::npos; }

// The bytes of a small model, as base 64.
inline std::string model_base64(ServerUnderTest& test, std::uint64_t seed) {
  auto const path = test.folder() / fmt::format("given_{}.safetensors", seed);
  Status const written = nn::write_model(path, dispatch::encode_model(testing::a_random_value(seed)));
  EXPECT_TRUE(written);
  return store::to_base64(read_file(path).take());
}

// Companies 1 and 2 are alike: driver 1, booking 1 with a driver by a decision of the rule, booking 2 undecided, an
// open suggestion for it, a study, which is a job, with ten trials, a training and a token. Nothing decides in the
// background.
class World {
 public:
  explicit World(OpenApi const& api) : api_(api) {
    std::string const& admin = test_.administrator();
    model_ = made("/api/v1/models", Json::object({{"name", "first"}, {"bytes_base64", model_base64(test_, 1)}}), "id");
    EXPECT_EQ(
        test_.ask("PUT", "/api/v1/models/aliases/champion", {.token = admin, .json = Json::object({{"model", model_}})})
            .status,
        201);
    for (std::int64_t const company : {1, 2}) fill(company);
  }

  ServerUnderTest& test() { return test_; }
  OpenApi const& api() const { return api_; }
  Names const& names(std::int64_t company) const { return names_.at(company); }

  // The example of the description with names that exist; null for an operation without a JSON body.
  Json body(Operation const& op) {
    Json const* const example = api_.body_example(op);
    if (op.body != BodyKind::json || example == nullptr) return {};
    Json body = *example;
    if (body.has("model")) body["model"] = model_;
    if (body.has("bytes_base64")) body["bytes_base64"] = model_base64(test_, 2);
    return body;
  }
  // As it would succeed, with this token and these names.
  Say say(Operation const& op, std::string const& secret) {
    Say say{.token = secret};
    if (op.body == BodyKind::json) say.json = body(op);
    if (op.body == BodyKind::csv) {
      say.bytes =
          "pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,pickup_from,pickup_until,dropoff_from,dropoff_until,class\n"
          "46.20,6.14,46.21,6.15,9:00,9:10,9:20,9:40,outbound\n";
      say.content_type = "text/csv";
    }
    if (method_of(op) == "PUT" || method_of(op) == "PATCH") say.headers.emplace_back("if-match", "*");
    return say;
  }
  // The query without which an operation makes no sense.
  static std::string query(Operation const& op, std::int64_t company) {
    if (op.id == "rl_status" || op.id == "rl_status_v1") return fmt::format("?company_id={}", company);
    if (op.id == "import_bookings") return "?date=2026-03-02&dry_run=true";
    return "";
  }
  Response ask(Operation const& op, Names const& names, Say const& say, std::string const& query = "") {
    return test_.ask(method_of(op), path_of(op, names) + query, say);
  }

 private:
  std::string made(std::string const& path, Json body, std::string const& member, int status = 201) {
    Response const response = test_.post(path, test_.administrator(), std::move(body));
    EXPECT_EQ(response.status, status) << path << " " << response.body;
    Json const json = json_of(response);
    Json const* const found = json.find(member);
    if (found == nullptr) return "";
    return found->is_string() ? found->as_string() : found->dump();
  }
  Json example(std::string_view id) {
    for (Operation const& op : operations()) {
      if (op.id == id) return *api_.body_example(op);
    }
    ADD_FAILURE() << "no operation " << id;
    return {};
  }

  void fill(std::int64_t company) {
    test_.company(company, true);
    std::string const at = fmt::format("/api/v1/companies/{}", company);
    std::string const& admin = test_.administrator();
    Json settings = example("put_settings");
    settings["auto_dispatch"] = false;
    settings["improve"] = false;
    EXPECT_EQ(
        test_.ask("PUT", at + "/settings", {.token = admin, .json = settings, .headers = {{"if-match", "*"}}}).status,
        200);
    Names names{{"company", std::to_string(company)}, {"model", model_}, {"alias", "champion"}, {"code", "not-found"}};
    names["driver"] = made(at + "/drivers", example("create_driver"), "id");
    names["booking"] = made(at + "/bookings", example("create_booking"), "id");
    names["decision"] = made(at + "/dispatch:run", Json::object({{"date", "2026-03-02"}}), "decision", 200);
    names["undecided"] = made(at + "/bookings", example("create_booking"), "id");
    EXPECT_EQ(test_
                  .ask("PUT", at + "/rl",
                       {.token = admin,
                        .json = Json::object({{"mode", "suggest_only"}, {"model_id", model_}}),
                        .headers = {{"if-match", "*"}}})
                  .status,
              200);
    names["suggestion"] = test_
                              .write([&](store::Transaction& tx) {
                                return store::add_suggestion(tx,
                                                             {.company = company,
                                                              .booking = std::stoi(names["undecided"]),
                                                              .driver = std::stoi(names["driver"]),
                                                              .decision = names["decision"],
                                                              .expires_us = test_.now() + 900 * one_second},
                                                             test_.now(), test_.server().entropy());
                              })
                              .id;
    Json study = example("create_study");
    study["company"] = company;
    names["job"] = names["study"] = made("/api/v1/studies", study, "id", 202);
    test_.write([&](store::Transaction& tx) -> Status {
      std::vector<store::StudyTrial> trials;
      for (int n = 0; n < 10; ++n) trials.push_back({.number = n, .state = TrialState::complete, .value = 1.0 * n});
      Json const importances = Json::object({{"trials", 10}, {"parameters", Json::array()}});
      store::write_study_report(tx, names["study"],
                                {.name = "world", .importances = importances, .reported_us = test_.now()}, trials);
      return ok();
    });
    Json run = example("create_training_run");
    run["company"] = company;
    names["run"] = made("/api/v1/training-runs", run, "id", 202);
    names["token"] = test_.issue({"bookings:read"}, std::vector{company}).token.id;
    names_[company] = std::move(names);
  }

  OpenApi const& api_;
  ServerUnderTest test_;
  std::string model_;
  std::map<std::int64_t, Names> names_;
};

// Everything of an answer but the request's id and how often its sender may still ask, which differ by right.
inline std::string without_request_id(Response const& response) {
  std::string body = response.body;
  if (auto const at = body.find("\"instance\":\""); at != std::string::npos) {
    auto const end = body.find('"', at + 12);
    body.replace(at, end - at, "\"instance\":\"");
  }
  std::string text = fmt::format("{}\n{}\n", response.status, response.content_type);
  for (auto const& [name, value] : response.headers) {
    if (name != "RateLimit") text += name + ": " + value + "\n";
  }
  return text + body;
}

}  // namespace regulus::server
