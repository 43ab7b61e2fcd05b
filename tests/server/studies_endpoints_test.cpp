// A study and a training as jobs, what a worker reports of them, and what its end leaves behind.
#include "server/http/events.h"
#include "server/jobs.h"
#include "store/study_reports.h"
#include "tests/server/world.h"

namespace regulus::server {
namespace {

class Studies : public ::testing::Test {
 protected:
  Studies() {
    for (std::int64_t const company : {1, 2}) test_.company(company);
  }
  std::string ordered(std::string const& kind, Json company = 1) {
    Response const response =
        test_.post("/api/v1/" + kind, test_.administrator(),
                   Json::object({{"scenario", "geneva-medical"}, {"company", std::move(company)}}));
    EXPECT_EQ(response.status, 202) << response.body;
    return text_at(json_of(response), "id");
  }
  store::StoredJob claim(std::string const& kind = "tune") {
    auto const claimed = test_.write([&](store::Transaction& tx) {
      return store::claim_job(tx, {.worker = "w", .lease_us = 60 * one_second}, {kind}, test_.now());
    });
    EXPECT_TRUE(claimed.has_value());
    return claimed.value_or(store::StoredJob{});
  }
  // As a worker does, in another process with the same database: nobody is woken.
  void finish(store::StoredJob const& job, store::JobEnd end, Json const& result) {
    store::Outbox const outbox(nullptr);
    test_.write([&](store::Transaction& tx) {
      auto after = store::finish_job(tx, job, end, result, test_.now());
      if (after) record_end(tx, outbox, "worker", job, *after, test_.now());
      return after;
    });
  }
  void report(std::string const& job, store::StudyReport report, std::vector<store::StudyTrial> const& trials) {
    report.reported_us = test_.now();
    test_.write([&](store::Transaction& tx) -> Status {
      store::write_study_report(tx, job, report, trials);
      return ok();
    });
  }
  // Trials 0, 1, … that are complete, with these values.
  static std::vector<store::StudyTrial> complete(std::vector<double> const& values) {
    std::vector<store::StudyTrial> trials;
    for (double const value : values) {
      trials.push_back({.number = std::ssize(trials),
                        .state = TrialState::complete,
                        .value = value,
                        .parameters = Json::object({{"gamma", value / 10}}),
                        .started_us = monday_morning,
                        .ended_us = monday_morning + one_second});
    }
    return trials;
  }
  Response get(std::string const& id, std::string const& more = "") {
    return test_.get("/api/v1/studies/" + id + more, test_.administrator());
  }
  Response stop(std::string const& id) {
    return test_.ask("POST", "/api/v1/studies/" + id + "/stop", {.token = test_.administrator()});
  }
  std::vector<store::Event> events(std::int64_t company, std::string const& type) {
    std::vector<store::Event> found = test_.read([&](store::Transaction& tx) -> Result<std::vector<store::Event>> {
      return store::events_after(tx, company, 0, 500).events;
    });
    std::erase_if(found, [&](store::Event const& event) { return event.type != type; });
    return found;
  }
  std::vector<Json> trail(std::string const& job, std::string const& action) {
    Json const page = json_of(test_.get("/api/v1/audit?limit=500", test_.administrator()));
    std::vector<Json> rows;
    for (Json const& row : page.find("items")->as_array()) {
      if (text_at(row, "object") == "job/" + job && text_at(row, "action") == action) rows.push_back(row);
    }
    return rows;
  }

  ServerUnderTest test_;
};

TEST_F(Studies, a_study_is_its_job_and_says_nothing_of_itself_before_its_worker_does) {
  std::string const id = ordered("studies");
  Json study = json_of(get(id));
  EXPECT_EQ(*study.find("study"), Json());
  std::erase_if(study.as_object(), [](auto const& member) { return member.first == "study"; });
  EXPECT_EQ(study, json_of(test_.get("/api/v1/jobs/" + id, test_.administrator())));
  EXPECT_EQ(*json_of(get(id, "/trials")).find("items"), Json::array());
}

TEST_F(Studies, a_study_says_how_many_trials_there_are_and_which_is_best) {
  std::string const id = ordered("studies");
  claim();
  std::vector<store::StudyTrial> trials = complete({3, 8, 5});
  trials.push_back({.number = 3, .state = TrialState::running, .started_us = monday_morning});
  report(id, {.name = "s"}, trials);
  Json const said = *json_of(get(id)).find("study");
  EXPECT_EQ(*said.find("trials"),
            Json::object({{"complete", 3}, {"pruned", 0}, {"failed", 0}, {"running", 1}, {"waiting", 0}}));
  EXPECT_EQ(*said.find("best"), Json::object({{"number", 1},
                                              {"state", "complete"},
                                              {"value", 8.0},
                                              {"parameters", Json::object({{"gamma", 0.8}})},
                                              {"started", "2026-03-02T08:00:00Z"},
                                              {"ended", "2026-03-02T08:00:01Z"}}));
  EXPECT_EQ(*said.find("problem"), Json());
}

TEST_F(Studies, trials_come_in_pages) {
  std::string const id = ordered("studies");
  claim();
  report(id, {.name = "s"}, complete({3, 8, 5, 1, 2}));
  std::vector<std::int64_t> numbers;
  int pages = 0;
  for (std::string next = "/api/v1/studies/" + id + "/trials?limit=2"; !next.empty() && pages < 9; ++pages) {
    Json const page = json_of(test_.get(next, test_.administrator()));
    for (Json const& trial : page.find("items")->as_array()) numbers.push_back(trial.find("number")->as_integer());
    next = text_at(page, "next");
  }
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pages, 3);
}

TEST_F(Studies, importances_of_too_few_trials_are_refused_with_how_many_there_are) {
  std::string const id = ordered("studies");
  claim();
  report(id, {.name = "s"}, complete({3, 8, 5}));
  Response const refused = get(id, "/importances");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(problem_of(refused), "conflict");
  EXPECT_EQ(text_at(json_of(refused), "detail"),
            "importances need 10 complete trials, and this study has 3; ask again when there are more");
  Response const french = test_.ask("GET", "/api/v1/studies/" + id + "/importances",
                                    {.token = test_.administrator(), .headers = {{"accept-language", "fr"}}});
  EXPECT_EQ(
      text_at(json_of(french), "detail"),
      "l’importance des paramètres demande 10 essais complets, et cette étude en a 3\u202F; redemandez quand il y "
      "en aura davantage");
}

TEST_F(Studies, importances_are_those_that_the_worker_reported) {
  std::string const id = ordered("studies");
  claim();
  Json ci95 = Json::array();
  ci95.push_back(0.5);
  ci95.push_back(1.0);
  Json parameters = Json::array();
  parameters.push_back(Json::object({{"name", "gamma"}, {"share", 1.0}, {"ci95", ci95}}));
  Json const importances = Json::object({{"trials", 10}, {"parameters", parameters}});
  report(id, {.name = "s", .importances = importances}, complete({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  Response const response = get(id, "/importances");
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json_of(response), importances);
}

TEST_F(Studies, a_study_that_its_worker_cannot_read_is_no_empty_one) {
  std::string const id = ordered("studies");
  claim();
  report(id, {.name = "s", .problem = "studies.db: page 3 is torn"}, {});
  EXPECT_EQ(text_at(*json_of(get(id)).find("study"), "problem"), "studies.db: page 3 is torn");
  for (char const* of : {"/trials", "/importances"}) {
    Response const refused = get(id, of);
    EXPECT_EQ(refused.status, 409) << of;
    EXPECT_NE(refused.body.find("page 3 is torn"), std::string::npos) << refused.body;
  }
}

TEST_F(Studies, what_was_reported_before_a_problem_is_shown_beside_it) {
  std::string const id = ordered("studies");
  claim();
  Json const importances = Json::object({{"trials", 10}, {"parameters", Json::array()}});
  report(id, {.name = "s", .importances = importances}, complete({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  report(id, {.name = "s", .importances = importances, .problem = "the disk is full"}, {});
  Json const said = *json_of(get(id)).find("study");
  EXPECT_EQ(text_at(said, "problem"), "the disk is full");
  EXPECT_EQ(*said.find("trials")->find("complete"), Json(10));
  Json const page = json_of(get(id, "/trials?limit=10"));
  EXPECT_EQ(page.find("items")->as_array().size(), 10U);
  Response const past_the_end = test_.get(text_at(page, "next"), test_.administrator());
  ASSERT_EQ(past_the_end.status, 200) << past_the_end.body;
  EXPECT_EQ(*json_of(past_the_end).find("items"), Json::array());
  EXPECT_EQ(json_of(get(id, "/importances")), importances);
}

TEST_F(Studies, a_study_that_ended_without_a_report_is_no_empty_one_either) {
  std::string const id = ordered("studies");
  store::StoredJob const job = claim();
  EXPECT_EQ(get(id, "/trials").status, 200);  // it has only begun
  finish(job, store::JobEnd::failed, Json::object({{"error", "no such scenario"}}));
  EXPECT_EQ(get(id, "/trials").status, 409);
  EXPECT_EQ(get(id, "/importances").status, 409);
  // One that was cancelled before anybody took it has tried nothing, and that is known.
  std::string const never = ordered("studies");
  stop(never);
  EXPECT_EQ(*json_of(get(never, "/trials")).find("items"), Json::array());
}

TEST_F(Studies, what_is_no_study_or_no_training_is_not_there) {
  std::string const study = ordered("studies"), run = ordered("training-runs");
  for (char const* of : {"", "/trials", "/importances"}) EXPECT_EQ(get(run, of).status, 404) << of;
  EXPECT_EQ(stop(run).status, 404);
  EXPECT_EQ(test_.get("/api/v1/training-runs/" + study, test_.administrator()).status, 404);
  Response const there = test_.get("/api/v1/training-runs/" + run, test_.administrator());
  EXPECT_EQ(there.status, 200);
  EXPECT_EQ(there.body, test_.get("/api/v1/jobs/" + run, test_.administrator()).body);
}

TEST_F(Studies, stopping_twice_is_stopping_once) {
  std::string const id = ordered("studies");
  claim();
  Response const first = stop(id);
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(*json_of(first).find("cancel_requested"), Json(true));
  std::string const after_first = test_.digest();
  Response const second = stop(id);
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(test_.digest(), after_first);
  EXPECT_EQ(trail(id, "job.cancel").size(), 1U);
  EXPECT_EQ(events(1, "job.cancelled").size(), 1U);

  std::string const queued = ordered("studies");
  EXPECT_EQ(stop(queued).status, 200);
  EXPECT_EQ(stop(queued).status, 200);
  EXPECT_EQ(trail(queued, "job.cancel").size(), 1U);
  ASSERT_EQ(events(1, "job.progress").size(), 1U);  // the end of the queued one; the other's comes from its worker
  EXPECT_EQ(events(1, "job.progress").front().data,
            Json::object({{"job", queued}, {"kind", "tune"}, {"state", "cancelled"}, {"progress", 0.0}}));
}

TEST_F(Studies, the_end_of_a_job_is_an_audit_row_of_its_company_and_an_event) {
  ordered("studies");
  store::StoredJob const job = claim();
  Json const result = Json::object({{"result", Json::object({{"best_reward", 3}})}});
  finish(job, store::JobEnd::succeeded, result);
  auto const rows = trail(job.id, "job.succeeded");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(text_at(rows.front(), "actor"), "worker");
  EXPECT_EQ(*rows.front().find("company"), Json(1));
  EXPECT_EQ(text_at(*rows.front().find("before"), "state"), "running");
  Json const* const after = rows.front().find("after");
  EXPECT_EQ(text_at(*after, "state"), "succeeded");
  EXPECT_EQ(*after->find("result"), Json::object({{"sha256", store::hex_of(store::sha256(result.dump()))}}));
  EXPECT_EQ(*json_of(test_.get("/api/v1/audit/verify", test_.administrator())).find("first_broken"), Json());
  auto const told = events(1, "job.progress");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().data,
            Json::object({{"job", job.id}, {"kind", "tune"}, {"state", "succeeded"}, {"progress", 1.0}}));
}

TEST_F(Studies, the_whole_course_of_a_job_is_in_the_trail_and_on_the_stream_of_its_company_alone) {
  std::string const id = ordered("studies"), of_none = ordered("studies", Json());
  stop(id);
  ordered("training-runs");
  finish(claim("train"), store::JobEnd::succeeded, Json());
  std::string const auditor = test_.token({"audit:read"}, std::vector<std::int64_t>{1});
  std::vector<std::string> actions;
  Json const rows = json_of(test_.get("/api/v1/audit?company=1&limit=500", auditor));
  for (Json const& row : rows.find("items")->as_array()) actions.push_back(text_at(row, "action"));
  EXPECT_EQ(actions, (std::vector<std::string>{"job.create", "job.cancel", "job.create", "job.succeeded"}));
  std::vector<std::string> told;
  for (store::Event const& event : events(1, "audit.appended")) told.push_back(text_at(event.data, "action"));
  EXPECT_EQ(told, actions);
  EXPECT_EQ(*events(1, "audit.appended").front().data.find("sequence"),
            *trail(id, "job.create").front().find("sequence"));
  EXPECT_TRUE(events(2, "audit.appended").empty());
  EXPECT_EQ(*trail(of_none, "job.create").front().find("company"), Json());
}

TEST_F(Studies, what_went_wrong_stands_in_the_trail_and_a_job_without_company_has_no_stream) {
  ordered("training-runs", Json());
  store::StoredJob const job = claim("train");
  finish(job, store::JobEnd::failed, Json::object({{"error", "out of disk"}}));
  auto const rows = trail(job.id, "job.failed");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(*rows.front().find("company"), Json());
  EXPECT_EQ(text_at(*rows.front().find("after")->find("result"), "error"), "out of disk");
  for (std::int64_t const company : {1, 2}) EXPECT_TRUE(events(company, "job.progress").empty());
}

TEST_F(Studies, a_job_whose_worker_is_lost_for_good_ends_with_a_row_of_the_servers) {
  std::string const id = ordered("studies");
  for (int attempt = 1; attempt <= store::most_attempts; ++attempt) {
    claim();
    test_.advance(61 * one_second);
    ASSERT_TRUE(test_.server().tidy());
    EXPECT_EQ(trail(id, "job.failed").size(), attempt == store::most_attempts ? 1U : 0U) << attempt;
  }
  EXPECT_EQ(text_at(trail(id, "job.failed").front(), "actor"), "server");
  std::vector<std::string> states;
  for (store::Event const& event : events(1, "job.progress")) states.push_back(text_at(event.data, "state"));
  EXPECT_EQ(states, (std::vector<std::string>{"queued", "queued", "failed"}));
}

TEST_F(Studies, who_follows_a_company_hears_what_another_process_wrote) {
  ordered("studies");
  store::StoredJob const job = claim();
  std::shared_ptr<EventStream> const stream =
      test_.get("/api/v1/companies/1/events?after=2", test_.administrator()).events;
  ASSERT_NE(stream, nullptr);
  while (test_.server().events().listeners() == 0) std::this_thread::yield();
  finish(job, store::JobEnd::succeeded, Json());
  EXPECT_EQ(stream->take(1 << 20).text, "");
  test_.server().look_for_news();
  std::string text;
  for (int k = 0; text.empty() && k < 10'000; ++k) {
    text = stream->take(1 << 20).text;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_NE(text.find("event: job.progress"), std::string::npos) << text;
}

}  // namespace
}  // namespace regulus::server
