// Decisions, suggestions, models and jobs.
#include "store/bookings.h"
#include "store/companies.h"
#include "store/decisions.h"
#include "store/drivers.h"
#include "store/jobs.h"
#include "store/model_registry.h"
#include "store/suggestions.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

class DecisionRows : public ::testing::Test {
 protected:
  DecisionRows() {
    served.write([](Transaction& tx) -> Status {
      for (std::int64_t id : {1, 2}) {
        static_cast<void>(add_company(tx, {.id = id, .name = "c", .time_zone = "Europe/Paris"}, morning_us));
        static_cast<void>(add_driver(tx, {.company = id, .name = "van"}));
        static_cast<void>(add_booking(tx, {.company = id, .pickup_at_us = morning_us}, morning_us));
      }
      return ok();
    });
  }
  Entropy entropy() { return entropy_from(rng); }
  StoredDecision decided(std::int64_t at_us = morning_us, std::int64_t company = 1) {
    return served.write([&](Transaction& tx) {
      return add_decision(tx,
                          {.company = company,
                           .at_us = at_us,
                           .kind = "insertion",
                           .arm = "model",
                           .model_hash = std::string(64, 'a'),
                           .snapshot = std::string("\0\x01snapshot", 10),
                           .answer = Json::object({{"driver", 1}}),
                           .shadow_answer = Json::object({{"driver", 2}}),
                           .agreement = 0.5,
                           .cost_difference = -120,
                           .decide_us = 1'234},
                          entropy());
    });
  }
  Suggestion suggested() {
    std::string const decision = decided().id;
    return served.write([&](Transaction& tx) {
      return add_suggestion(
          tx, {.company = 1, .booking = 1, .driver = 1, .decision = decision, .expires_us = morning_us + hour_us},
          morning_us, entropy());
    });
  }
  template <class Work>
  ErrorKind refused(Work work) {
    auto const answer = served.database().write_and_wait(work);
    if (answer) ADD_FAILURE() << "was done";
    return answer ? ErrorKind::io : answer.error().kind;
  }
  StoredJob enqueued(std::string const& kind = "train", std::int64_t at_us = morning_us) {
    return served.write([&](Transaction& tx) {
      return enqueue_job(tx, {.kind = kind, .arguments = Json::object({{"seed", 1}})}, at_us, entropy());
    });
  }
  std::optional<StoredJob> claimed(std::string const& worker, std::int64_t now_us) {
    return served.write([&](Transaction& tx) {
      return claim_job(tx, {worker, 60 * second_us}, {"train", "tune"}, now_us);
    });
  }

  Rng rng{11};
  ServedFolder served;
};

TEST_F(DecisionRows, a_decision_reads_back_with_the_bytes_it_was_made_on) {
  StoredDecision const decision = decided();
  EXPECT_TRUE(is_id("dec", decision.id));
  EXPECT_EQ(served.read([&](Transaction& tx) { return load_decision(tx, 1, decision.id); }), decision);
  EXPECT_FALSE(served.database().read([&](Transaction& tx) { return load_decision(tx, 2, decision.id); }));
}

TEST_F(DecisionRows, a_snapshot_that_was_changed_is_found_out) {
  StoredDecision const decision = decided();
  EXPECT_EQ(refused([&](Transaction& tx) {
              tx.run("UPDATE decisions SET snapshot = ?", {Blob{"other"}});
              return load_decision(tx, 1, decision.id);
            }),
            ErrorKind::corrupt);
}

TEST_F(DecisionRows, decisions_are_listed_in_pages_by_time_without_snapshots) {
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) expected.push_back(decided(morning_us + i * second_us).id);
  decided(morning_us, 2);
  std::vector<std::string> listed;
  Cursor<std::string> after;
  while (true) {
    auto const page = served.read(
        [&](Transaction& tx) -> Result<std::vector<StoredDecision>> { return list_decisions(tx, 1, after, 2); });
    if (page.empty()) break;
    for (StoredDecision const& decision : page) {
      listed.push_back(decision.id);
      EXPECT_TRUE(decision.snapshot.empty());
    }
    after = {page.back().at_us, page.back().id};
  }
  EXPECT_EQ(listed, expected);
}

TEST_F(DecisionRows, a_decision_names_a_run_of_its_own_company) {
  DispatchRun const run = served.write([&](Transaction& tx) {
    return add_run(tx, {.company = 1, .at_us = morning_us, .reason = "booking_created"}, entropy());
  });
  EXPECT_EQ(served.read([&](Transaction& tx) { return load_run(tx, 1, run.id); }), run);
  auto const decide = [&](std::int64_t company) {
    return served.database().write_and_wait([&](Transaction& tx) {
      return add_decision(tx, {.company = company, .run = run.id, .at_us = morning_us}, entropy());
    });
  };
  EXPECT_TRUE(decide(1));
  EXPECT_EQ(decide(2).error().kind, ErrorKind::not_found);
}

TEST_F(DecisionRows, a_suggestion_is_decided_about_once_and_in_time) {
  Suggestion const suggestion = suggested();
  auto const close = [&](std::int64_t now_us, std::int64_t version) {
    return served.database().write_and_wait([&](Transaction& tx) {
      return close_suggestion(
          tx,
          {.company = 1, .id = suggestion.id, .status = SuggestionStatus::accepted, .by = "tok_1", .reason = "fits"},
          version, now_us);
    });
  };
  EXPECT_EQ(close(morning_us + hour_us, 1).error().kind, ErrorKind::conflict);  // its time is over
  EXPECT_EQ(close(morning_us, 2).error().kind, ErrorKind::conflict);
  auto const accepted = close(morning_us, 1);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->status, SuggestionStatus::accepted);
  EXPECT_EQ(accepted->decided_by, "tok_1");
  EXPECT_EQ(accepted->reason, "fits");
  EXPECT_EQ(close(morning_us, 2).error().kind, ErrorKind::conflict);
}

TEST_F(DecisionRows, a_booking_knows_its_suggestions_and_no_other_ones) {
  std::string const first = suggested().id, second = suggested().id;
  auto const of = [&](std::int64_t company, BookingId booking) {
    std::vector<std::string> ids;
    for (Suggestion const& s : served.read([&](Transaction& tx) -> Result<std::vector<Suggestion>> {
           return suggestions_of(tx, company, booking);
         })) {
      ids.push_back(s.id);
    }
    std::ranges::sort(ids);
    return ids;
  };
  std::vector<std::string> both = {first, second};
  std::ranges::sort(both);
  EXPECT_EQ(of(1, 1), both);
  EXPECT_TRUE(of(1, 2).empty());
  EXPECT_TRUE(of(2, 1).empty());
}

TEST_F(DecisionRows, suggestions_expire_at_their_moment_and_not_before) {
  Suggestion const suggestion = suggested();
  auto const expired = [&](std::int64_t now_us) {
    return served.write(
        [&](Transaction& tx) -> Result<std::vector<Suggestion>> { return expire_suggestions(tx, now_us, 10); });
  };
  EXPECT_TRUE(expired(morning_us + hour_us - 1).empty());
  auto const over = expired(morning_us + hour_us);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0], served.read([&](Transaction& tx) { return load_suggestion(tx, 1, suggestion.id); }));
  EXPECT_EQ(over[0].status, SuggestionStatus::expired);
  EXPECT_TRUE(expired(morning_us + hour_us).empty());
  EXPECT_EQ(
      served.read([&](Transaction& tx) -> Result<std::vector<Suggestion>> { return list_suggestions(tx, 1, {}, 10); })
          .size(),
      1U);
}

TEST_F(DecisionRows, a_suggestion_about_another_companys_things_is_refused) {
  std::string const decision = decided(morning_us, 2).id;
  EXPECT_EQ(refused([&](Transaction& tx) {
              return add_suggestion(tx, {.company = 1, .booking = 1, .driver = 1, .decision = decision}, 0, entropy());
            }),
            ErrorKind::not_found);
}

TEST_F(DecisionRows, models_are_registered_once_and_aliases_move) {
  auto const add = [&](char digit) {
    return served.database().write_and_wait([&](Transaction& tx) {
      return add_model(
          tx, {.name = "value", .sha256 = std::string(64, digit), .path = "m", .gate = Json::object({{"ok", true}})},
          morning_us, entropy());
    });
  };
  RegisteredModel const first = add('a').value();
  RegisteredModel const second = add('b').value();
  EXPECT_EQ(add('a').error().kind, ErrorKind::conflict);
  EXPECT_EQ(add('X').error().kind, ErrorKind::invalid);
  EXPECT_EQ(served.read([&](Transaction& tx) { return load_model(tx, first.id); }), first);
  EXPECT_EQ(served.read([](Transaction& tx) -> Result<std::vector<RegisteredModel>> { return list_models(tx, {}, 9); })
                .size(),
            2U);
  auto const point = [&](std::string const& model, std::int64_t expected) {
    return served.database().write_and_wait(
        [&](Transaction& tx) { return set_alias(tx, {.name = "champion", .model = model}, expected); });
  };
  EXPECT_EQ(point(first.id, 1).error().kind, ErrorKind::conflict);
  EXPECT_EQ(point(first.id, 0)->version, 1);
  EXPECT_EQ(point(second.id, 0).error().kind, ErrorKind::conflict);
  EXPECT_EQ(point("mdl_none", 1).error().kind, ErrorKind::not_found);
  EXPECT_EQ(point(second.id, 1)->version, 2);
  EXPECT_EQ(served.read([](Transaction& tx) { return load_alias(tx, "champion"); }).model, second.id);
  EXPECT_EQ(served.read([](Transaction& tx) -> Result<std::vector<ModelAlias>> { return list_aliases(tx); }).size(),
            1U);
}

TEST_F(DecisionRows, jobs_are_claimed_oldest_first_and_once) {
  StoredJob const second = enqueued("tune", morning_us + second_us);
  StoredJob const first = enqueued("train", morning_us);
  enqueued("something else", morning_us - second_us);
  auto const one = claimed("w1", morning_us + 2 * second_us);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->id, first.id);
  EXPECT_EQ(one->state, JobState::running);
  EXPECT_EQ(one->worker, "w1");
  EXPECT_EQ(one->lease_until_us, morning_us + 62 * second_us);
  EXPECT_EQ(one->attempts, 1);
  EXPECT_EQ(claimed("w2", morning_us + 2 * second_us)->id, second.id);
  EXPECT_FALSE(claimed("w3", morning_us + 2 * second_us));
}

TEST_F(DecisionRows, a_job_whose_worker_is_dead_goes_to_another_and_the_first_is_refused) {
  enqueued();
  StoredJob const first = *claimed("w1", morning_us);
  auto const beat = [&](StoredJob const& attempt, std::int64_t now_us) {
    return served.database().write_and_wait(
        [&](Transaction& tx) { return heartbeat_job(tx, attempt, 60 * second_us, 0.5, now_us); });
  };
  EXPECT_EQ(beat(first, morning_us + 30 * second_us)->progress, 0.5);
  EXPECT_FALSE(claimed("w2", morning_us + 89 * second_us));  // the heartbeat renewed it until 90 s
  auto const again = claimed("w2", morning_us + 90 * second_us);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempts, 2);
  EXPECT_EQ(again->progress, 0);
  EXPECT_EQ(beat(first, morning_us + 91 * second_us).error().kind, ErrorKind::conflict);
  EXPECT_EQ(refused([&](Transaction& tx) {
              return finish_job(tx, first, JobEnd::succeeded, Json(), morning_us + 91 * second_us);
            }),
            ErrorKind::conflict);
  StoredJob const done = served.write([&](Transaction& tx) {
    return finish_job(tx, *again, JobEnd::succeeded, Json::object({{"score", 3}}), morning_us + 92 * second_us);
  });
  EXPECT_EQ(done.state, JobState::succeeded);
  EXPECT_EQ(done.result, Json::object({{"score", 3}}));
  EXPECT_EQ(done.progress, 1);
  EXPECT_EQ(beat(*again, morning_us + 93 * second_us).error().kind, ErrorKind::conflict);
}

// Containers may give each of their workers the same name, and a worker that was paused may find its job given to it
// again.
TEST_F(DecisionRows, a_lease_is_of_one_attempt_and_not_of_a_name) {
  enqueued();
  StoredJob const first = *claimed("w", morning_us);
  StoredJob const second = *claimed("w", morning_us + 60 * second_us);
  ASSERT_EQ(second.id, first.id);
  std::int64_t const later = morning_us + 61 * second_us;
  EXPECT_EQ(refused([&](Transaction& tx) { return heartbeat_job(tx, first, 60 * second_us, 0.9, later); }),
            ErrorKind::conflict);
  EXPECT_EQ(refused([&](Transaction& tx) { return finish_job(tx, first, JobEnd::failed, Json(), later); }),
            ErrorKind::conflict);
  StoredJob const untouched = served.read([&](Transaction& tx) { return load_job(tx, first.id); });
  EXPECT_EQ(untouched, second);
  EXPECT_EQ(
      served.write([&](Transaction& tx) { return finish_job(tx, second, JobEnd::succeeded, Json(), later); }).state,
      JobState::succeeded);
}

TEST_F(DecisionRows, a_job_that_kills_its_workers_fails_in_the_end) {
  std::string const id = enqueued().id;
  std::int64_t now_us = morning_us;
  for (int attempt = 1; attempt <= most_attempts; ++attempt, now_us += 60 * second_us) {
    ASSERT_TRUE(claimed("w", now_us)) << attempt;
  }
  EXPECT_FALSE(claimed("w", now_us));
  StoredJob const job = served.read([&](Transaction& tx) { return load_job(tx, id); });
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_NE(job.result->find("error")->as_string().find("3 times"), std::string::npos);
}

TEST_F(DecisionRows, a_queued_job_is_cancelled_at_once_and_a_running_one_by_its_worker) {
  auto const cancel = [&](std::string const& id) {
    return served.database().write_and_wait([&](Transaction& tx) { return cancel_job(tx, id, morning_us); });
  };
  std::string const running = enqueued().id;
  StoredJob const held = *claimed("w1", morning_us);
  std::string const queued = enqueued().id;
  EXPECT_EQ(cancel(queued)->state, JobState::cancelled);
  EXPECT_EQ(cancel(queued).error().kind, ErrorKind::conflict);
  EXPECT_EQ(cancel(running)->state, JobState::running);
  EXPECT_TRUE(served.write([&](Transaction& tx) { return heartbeat_job(tx, held, second_us, 0.1, morning_us); })
                  .cancel_requested);
  // Its worker dies instead of stopping: it is not given to another.
  EXPECT_FALSE(claimed("w2", morning_us + second_us));
  EXPECT_EQ(served.read([&](Transaction& tx) { return load_job(tx, running); }).state, JobState::cancelled);
  EXPECT_EQ(served.read([](Transaction& tx) -> Result<std::vector<StoredJob>> { return list_jobs(tx, {}, 9); }).size(),
            2U);
}

}  // namespace
}  // namespace regulus::store
