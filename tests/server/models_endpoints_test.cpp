#include "store/model_registry.h"
#include "tests/server/world.h"

namespace regulus::server {
namespace {

// A gate's record as `regulus gate` writes it beside a model (lab/gate_file.h), with what the server reads of it.
Json gate_record(std::string const& bytes, std::string const& verdict) {
  Json const family = Json::object({{"family", "geneva-medical"}, {"best_rule", "lns_futures"}, {"saving", 0.03}});
  return Json::object({{"format", "regulus-gate-1"},
                       {"model", Json::object({{"file", "model.safetensors"},
                                               {"crc32c", fmt::format("{:08x}", crc32c(bytes))},
                                               {"bytes", bytes.size()},
                                               {"parameters", 1'000}})},
                       {"verdict", verdict},
                       {"families", Json(Json::Array{family})},
                       {"checks", Json::array()}});
}

class Models : public ::testing::Test {
 protected:
  Response add(Json body) { return test_.post("/api/v1/models", test_.administrator(), std::move(body)); }

  ServerUnderTest test_;
  std::string base64_ = model_base64(test_, 1);
  std::string bytes_ = *store::from_base64(base64_);
};

TEST_F(Models, a_model_is_kept_under_the_hash_of_its_bytes) {
  Response const made = add(Json::object({{"name", "first"}, {"bytes_base64", base64_}}));
  ASSERT_EQ(made.status, 201) << made.body;
  Json const model = json_of(made);
  std::string const sha256 = store::hex_of(store::sha256(bytes_));
  EXPECT_EQ(text_at(model, "sha256"), sha256);
  EXPECT_EQ(header_of(made, "Location"), "/api/v1/models/" + text_at(model, "id"));
  EXPECT_EQ(read_file(test_.folder() / "models" / (sha256 + ".safetensors")).take(), bytes_);
  EXPECT_EQ(json_of(test_.get("/api/v1/models/" + text_at(model, "id"), test_.administrator())), model);
  EXPECT_TRUE(model.find("gate")->is_null());
  EXPECT_EQ(json_of(test_.get("/api/v1/models", test_.administrator())).find("items")->as_array().size(), 1U);
}

TEST_F(Models, a_file_is_copied_and_may_change_afterwards) {
  std::filesystem::path const path = test_.folder() / "given.safetensors";
  ASSERT_TRUE(write_file(path, bytes_));
  Response const made = add(Json::object({{"name", "from a file"}, {"path", path.string()}}));
  ASSERT_EQ(made.status, 201) << made.body;
  ASSERT_TRUE(write_file(path, "something else"));
  std::string const kept = text_at(json_of(made), "sha256") + ".safetensors";
  EXPECT_EQ(read_file(test_.folder() / "models" / kept).take(), bytes_);
}

TEST_F(Models, what_is_no_model_is_refused_and_not_kept) {
  std::string damaged = bytes_;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  std::string const before = test_.digest();
  for (Json const& body :
       {Json::object({{"name", "x"}, {"bytes_base64", store::to_base64(damaged)}}),
        Json::object({{"name", "x"}, {"bytes_base64", store::to_base64("no model at all")}}),
        Json::object({{"name", "x"}, {"bytes_base64", "not base 64!"}}),
        Json::object({{"name", "x"}, {"bytes_base64", base64_ + "="}}),
        Json::object({{"name", "x"}, {"path", "/dev/zero"}}), Json::object({{"name", "x"}, {"path", "/no/such/file"}}),
        Json::object({{"name", "x"}, {"path", test_.folder().string()}}), Json::object({{"name", "x"}}),
        Json::object({{"name", "x"}, {"path", "y"}, {"bytes_base64", base64_}})}) {
    Response const refused = add(body);
    EXPECT_EQ(refused.status, 422) << refused.body;
  }
  EXPECT_EQ(test_.digest(), before);
  std::error_code none;
  std::size_t kept = 0;
  for (auto const& entry : std::filesystem::directory_iterator(test_.folder() / "models", none))
    kept += entry.exists() ? 1U : 0U;
  EXPECT_EQ(kept, 0U);
}

TEST_F(Models, the_same_bytes_are_registered_once) {
  ASSERT_EQ(add(Json::object({{"name", "first"}, {"bytes_base64", base64_}})).status, 201);
  Response const again = add(Json::object({{"name", "second"}, {"bytes_base64", base64_}}));
  EXPECT_EQ(again.status, 409) << again.body;
  // A refusal takes nothing away from the one that is there.
  EXPECT_TRUE(
      std::filesystem::exists(test_.folder() / "models" / (store::hex_of(store::sha256(bytes_)) + ".safetensors")));
}

TEST_F(Models, a_gate_stands_with_its_verdict_and_families) {
  Json const record = gate_record(bytes_, "pass");
  Response const made = add(Json::object({{"name", "first"}, {"bytes_base64", base64_}, {"gate", record}}));
  ASSERT_EQ(made.status, 201) << made.body;
  Json const model = json_of(made);
  EXPECT_EQ(*model.find("gate"),
            Json::object({{"passed", true}, {"families", Json::array_of(std::vector<std::string>{"geneva-medical"})}}));
  std::string const path = "/api/v1/models/" + text_at(model, "id") + "/evaluations";
  Json const evaluations = json_of(test_.get(path, test_.administrator()));
  ASSERT_EQ(evaluations.find("items")->as_array().size(), 1U);
  Json const& gate = evaluations.find("items")->as_array().front();
  EXPECT_EQ(*gate.find("passed"), Json(true));
  EXPECT_EQ(*gate.find("families"), *record.find("families"));
  // The record is kept as it was given.
  Json const kept =
      test_.read([&](store::Transaction& tx) { return store::load_model(tx, text_at(model, "id")); }).gate;
  EXPECT_EQ(*kept.find("record"), record);
}

TEST_F(Models, a_gate_that_was_failed_is_one_that_did_not_pass) {
  Response const made =
      add(Json::object({{"name", "first"}, {"bytes_base64", base64_}, {"gate", gate_record(bytes_, "fail")}}));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(*json_of(made).find("gate")->find("passed"), Json(false));
}

TEST_F(Models, a_gate_of_other_bytes_or_another_form_is_refused) {
  Json other_bytes = gate_record(*store::from_base64(model_base64(test_, 2)), "pass");
  Json other_size = gate_record(bytes_, "pass");
  other_size["model"]["bytes"] = 7;
  Json other_format = gate_record(bytes_, "pass");
  other_format["format"] = "regulus-gate-2";
  Json no_verdict = gate_record(bytes_, "perhaps");
  Json no_families = gate_record(bytes_, "pass");
  no_families["families"] = Json::object();
  for (Json const& gate : {other_bytes, other_size, other_format, no_verdict, no_families, Json("pass"), Json(true),
                           Json::object({{"passed", true}})}) {
    Response const refused = add(Json::object({{"name", "x"}, {"bytes_base64", base64_}, {"gate", gate}}));
    EXPECT_EQ(refused.status, 422) << gate.dump() << " " << refused.body;
    EXPECT_EQ(json_of(refused).find("errors")->as_array().front().find("pointer")->as_string().substr(0, 5), "/gate");
  }
}

TEST_F(Models, a_name_moves_only_from_the_version_that_was_read) {
  std::string const first = text_at(json_of(add(Json::object({{"name", "1"}, {"bytes_base64", base64_}}))), "id");
  std::string const second =
      text_at(json_of(add(Json::object({{"name", "2"}, {"bytes_base64", model_base64(test_, 2)}}))), "id");
  auto const put = [&](std::string const& model, std::optional<std::string> const& if_match) {
    Say say{.token = test_.administrator(), .json = Json::object({{"model", model}})};
    if (if_match) say.headers = {{"if-match", *if_match}};
    return test_.ask("PUT", "/api/v1/models/aliases/champion", say);
  };
  EXPECT_EQ(put(first, "\"4\"").status, 412);
  Response const made = put(first, {});
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(header_of(made, "ETag"), "\"1\"");
  EXPECT_EQ(put(second, {}).status, 428);
  EXPECT_EQ(put(second, "\"2\"").status, 412);
  Response const moved = put(second, "\"1\"");
  EXPECT_EQ(moved.status, 200);
  EXPECT_EQ(json_of(moved), Json::object({{"alias", "champion"}, {"model", second}, {"version", 2}}));
  EXPECT_EQ(put("mdl_01JNB7V0K3Z5Q8W1XYRE4TGHMP", "\"2\"").status, 422);
  Json const aliases = json_of(test_.get("/api/v1/models/aliases", test_.administrator()));
  EXPECT_EQ(aliases.find("items")->as_array(), Json::Array{json_of(moved)});
}

TEST_F(Models, a_token_for_some_companies_reads_and_changes_nothing) {
  test_.company(1);
  std::string const secret = test_.token(ServerUnderTest::every_scope(), std::vector<std::int64_t>{1});
  EXPECT_EQ(test_.get("/api/v1/models", secret).status, 200);
  EXPECT_EQ(test_.post("/api/v1/models", secret, Json::object({{"name", "x"}, {"bytes_base64", base64_}})).status, 403);
  EXPECT_EQ(
      test_.ask("PUT", "/api/v1/models/aliases/champion", {.token = secret, .json = Json::object({{"model", "mdl_x"}})})
          .status,
      403);
}

}  // namespace
}  // namespace regulus::server
