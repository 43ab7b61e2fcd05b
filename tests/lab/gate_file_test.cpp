#include "lab/gate_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/files.h"
#include "nn/model_file.h"
#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

PolicyDays some_days(std::string name, double start) {
  PolicyDays policy;
  policy.name = std::move(name);
  for (auto& figure : policy.figures) {
    figure = {start, start / 3};
    start += 1;
  }
  policy.refused_decisions = 2;
  policy.decide_ms_p99 = start / 7;
  return policy;
}

GateSettings some_settings() {
  return {.version = "1",
          .candidates = {{.policy = "new"}, {.policy = "again"}},
          .rules = {"old"},
          .days = 2,
          .seed = 900'000,
          .iterations = 200,
          .futures = 8,
          .clairvoyant = 10};
}

GateFamily some_family(std::string name) {
  return {.name = std::move(name),
          .candidates = {some_days("new", 1), some_days("again", 20)},
          .rules = {some_days("old", 0.1)},
          .clairvoyant = {1, 2}};
}

GateResults some_results() {
  return {.played = {{"town", "", some_days("old", 0.1)},
                     {"town", "0000000a", some_days("dqn:a.safetensors", 1)},
                     {"village", "", some_days("old", 20)}},
          .clairvoyant = {{"town", {1, 2}}}};
}

TEST(GateResults, read_back_as_they_were_written) {
  auto const read = parse_gate_results(gate_results_text(some_settings(), some_results()), some_settings());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, some_results());
}

TEST(GateResults, know_a_rule_by_its_name_and_a_model_by_its_bytes) {
  GateResults const results = some_results();
  EXPECT_EQ(results.find("town", {.policy = "old"}), &results.played[0].days);
  EXPECT_EQ(results.find("village", {.policy = "old"}), &results.played[2].days);
  EXPECT_EQ(results.find("town", {.policy = "new"}), nullptr);
  EXPECT_EQ(results.find("city", {.policy = "old"}), nullptr);
  EXPECT_EQ(results.find("town", {.policy = "dqn:b.safetensors", .file = "b.safetensors", .crc32c = "0000000a"}),
            &results.played[1].days);
  EXPECT_EQ(results.find("town", {.policy = "dqn:a.safetensors", .file = "a.safetensors", .crc32c = "0000000b"}),
            nullptr);
  EXPECT_EQ(results.find_clairvoyant("town"), &results.clairvoyant[0].cents);
  EXPECT_EQ(results.find_clairvoyant("village"), nullptr);
}

TEST(GateResults, serve_other_candidates_and_rules) {
  std::string const text = gate_results_text(some_settings(), some_results());
  GateSettings asked = some_settings();
  asked.candidates = {{"new", "new", "01234567", 9, 3}};
  asked.rules = {"lns", "insertion"};
  EXPECT_TRUE(parse_gate_results(text, asked));
}

TEST(GateResults, of_other_settings_are_refused_with_the_first_that_differs) {
  std::string const text = gate_results_text(some_settings(), some_results());
  struct Other {
    std::string said;
    std::function<void(GateSettings&)> change;
  };
  for (Other const& other : std::vector<Other>{
           {"version = \"1\" there and \"2\" here", [](GateSettings& s) { s.version = "2"; }},
           {"days = 2 there and 3 here", [](GateSettings& s) { s.days = 3; }},
           {"seed", [](GateSettings& s) { s.seed = 1; }},
           {"iterations = 200 there and 201 here", [](GateSettings& s) { s.iterations = 201; }},
           {"futures", [](GateSettings& s) { s.futures = 9; }},
           {"clairvoyant", [](GateSettings& s) { s.clairvoyant = 0; }},
       }) {
    GateSettings asked = some_settings();
    other.change(asked);
    auto const read = parse_gate_results(text, asked);
    ASSERT_FALSE(read) << other.said;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid) << other.said;
    EXPECT_NE(read.error().message.find(other.said), std::string::npos) << read.error().message;
  }
}

TEST(GateResults, that_are_damaged_anywhere_are_refused) {
  GateResults const results = some_results();
  std::string const text = gate_results_text(some_settings(), results);
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    auto const cut = parse_gate_results(text.substr(0, i), some_settings());
    ASSERT_FALSE(cut) << i;
    EXPECT_EQ(cut.error().kind, ErrorKind::corrupt) << i;
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    // The seventeenth digit of a number may be another one without making it another number.
    auto const read = parse_gate_results(changed, some_settings());
    EXPECT_TRUE(!read || *read == results) << changed.substr(i < 40 ? 0 : i - 40, 80);
  }
}

// A document with its checksum put right.
std::string sealed(Json document) {
  std::erase_if(document.as_object(), [](auto const& member) { return member.first == "crc32c"; });
  document["crc32c"] = fmt::format("{:08x}", crc32c(document.dump()));
  return document.dump();
}

TEST(GateResults, that_say_what_cannot_be_are_refused_with_the_place) {
  struct Wrong {
    std::string said;
    std::function<void(GateResults&)> change;
  };
  for (Wrong const& wrong : std::vector<Wrong>{
           {"played[1].figures.unserved", [](GateResults& r) { r.played[1].days.figures[3].pop_back(); }},
           {"clairvoyant[0].cents", [](GateResults& r) { r.clairvoyant[0].cents.clear(); }},
           {"old is there twice in town", [](GateResults& r) { r.played.push_back(r.played[0]); }},
           {"is there twice in town",
            [](GateResults& r) {
              r.played.push_back(r.played[1]);
              r.played.back().days.name = "dqn:the same under another name";
            }},
           {"town is there twice", [](GateResults& r) { r.clairvoyant.push_back(r.clairvoyant[0]); }},
       }) {
    GateResults results = some_results();
    wrong.change(results);
    auto const read = parse_gate_results(gate_results_text(some_settings(), results), some_settings());
    ASSERT_FALSE(read) << wrong.said;
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
    EXPECT_NE(read.error().message.find(wrong.said), std::string::npos) << read.error().message;
  }
  Json document = *parse_json(gate_results_text(some_settings(), {}));
  document["more"] = 1;
  EXPECT_FALSE(parse_gate_results(sealed(document), some_settings()));
}

TEST(GateCandidate, is_a_rule_or_a_file_with_its_size_and_checksum) {
  Result<GateCandidate> const rule = gate_candidate("lns");
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->policy, "lns");
  EXPECT_FALSE(rule->is_model());

  TemporaryFolder folder;
  std::string const file = folder.path("m.safetensors").string();
  nn::ModelFile model;
  model.tensors = {{"weight", {2, 3}, std::vector<float>(6, 0.5F)}, {"bias", {4}, std::vector<float>(4, 1.0F)}};
  ASSERT_TRUE(nn::write_model(file, model));
  std::string const bytes = read_file(file).value();
  for (std::string const& word : {file, "dqn:" + file}) {
    Result<GateCandidate> const candidate = gate_candidate(word);
    ASSERT_TRUE(candidate) << candidate.error().message;
    EXPECT_EQ(candidate->policy, "dqn:" + file);
    EXPECT_EQ(candidate->file, file);
    EXPECT_EQ(candidate->parameters, 10);
    EXPECT_EQ(candidate->bytes, static_cast<std::int64_t>(bytes.size()));
    EXPECT_EQ(candidate->crc32c, fmt::format("{:08x}", crc32c(bytes)));
  }
  ASSERT_TRUE(write_file(file, bytes.substr(1)));
  EXPECT_EQ(gate_candidate(file).error().kind, ErrorKind::corrupt);
  EXPECT_EQ(gate_candidate(folder.path("none.safetensors").string()).error().kind, ErrorKind::not_found);
}

TEST(GateRecord, names_the_very_file_that_was_judged) {
  GateSettings settings = some_settings();
  settings.candidates = {{"dqn:a/x.safetensors", "a/x.safetensors", "0000000a", 100, 10},
                         {"dqn:a/y.safetensors", "a/y.safetensors", "0000000b", 110, 11}};
  GateFamily const family = some_family("town");
  GateVerdict const verdict = judge(std::vector{family}, {10, 11}, {}, settings.seed);
  Json const record = gate_record(settings, 1, verdict);
  EXPECT_EQ(record.find("format")->as_string(), "regulus-gate-1");
  EXPECT_EQ(record.find("verdict")->as_string(), "fail");
  EXPECT_EQ(record.find("model")->dump(),
            R"({"file":"y.safetensors","crc32c":"0000000b","bytes":110,"parameters":11})");
  EXPECT_EQ(record.find("saving_of_model")->as_number(), verdict.saving_by_candidate[1]);
  EXPECT_EQ(record.find("settings")->find("days")->as_integer(), 2);
  EXPECT_EQ(record.find("families")->as_array().size(), 1U);
  EXPECT_FALSE(record.find("checks")->as_array().empty());
  EXPECT_EQ(gate_record_path("a/y.safetensors"), "a/y.safetensors.gate.json");
}

}  // namespace
}  // namespace regulus::lab
