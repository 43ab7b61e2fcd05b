#include "store/outbox.h"

#include "store/idempotency.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

// Appends `count` events to a company in one transaction.
void happen(ServedFolder& served, Outbox const& outbox, std::int64_t company, int count,
            std::int64_t at_us = morning_us) {
  served.write([&](Transaction& tx) -> Status {
    for (int i = 0; i < count; ++i) outbox.append(tx, company, "booking.created", Json::object({{"i", i}}), at_us);
    return ok();
  });
}
EventPage page_of(ServedFolder& served, std::int64_t company, std::int64_t after, int limit = 100) {
  return served.read([&](Transaction& tx) -> Result<EventPage> { return events_after(tx, company, after, limit); });
}

TEST(Outbox, numbers_events_by_company_without_a_gap) {
  ServedFolder served;
  Outbox const outbox(nullptr);
  happen(served, outbox, 1, 2);
  happen(served, outbox, 2, 1);
  happen(served, outbox, 1, 1);
  EventPage const page = page_of(served, 1, 1);
  EXPECT_FALSE(page.reset);
  EXPECT_EQ(page.last, 3);
  EXPECT_EQ(page.events, (std::vector<Event>{{1, 2, "booking.created", Json::object({{"i", 1}}), morning_us},
                                             {1, 3, "booking.created", Json::object({{"i", 0}}), morning_us}}));
  EXPECT_EQ(page_of(served, 1, 0, 2).events.size(), 2U);
  EXPECT_EQ(page_of(served, 2, 0).last, 1);
}

TEST(Outbox, wakes_followers_after_the_commit_and_not_for_what_was_rolled_back) {
  ServedFolder served;
  std::vector<std::pair<std::int64_t, std::int64_t>> woken;
  std::vector<std::size_t> visible;
  Outbox const outbox([&](std::int64_t company, std::int64_t last) {
    woken.emplace_back(company, last);
    visible.push_back(page_of(served, company, 0).events.size());
  });
  happen(served, outbox, 7, 1);
  EXPECT_FALSE(served.database().write_and_wait([&](Transaction& tx) -> Status {
    outbox.append(tx, 7, "booking.created", Json(), morning_us);
    return invalid("no");
  }));
  happen(served, outbox, 7, 1);
  EXPECT_EQ(woken, (std::vector<std::pair<std::int64_t, std::int64_t>>{{7, 1}, {7, 2}}));
  EXPECT_EQ(visible, (std::vector<std::size_t>{1, 2}));
}

TEST(Outbox, tells_a_follower_who_was_away_too_long_to_start_afresh) {
  ServedFolder served;
  Outbox const outbox(nullptr);
  happen(served, outbox, 1, 3, morning_us);
  happen(served, outbox, 1, 2, morning_us + day_us);
  std::int64_t const removed = served.write(
      [](Transaction& tx) -> Result<std::int64_t> { return prune_events(tx, morning_us + 7 * day_us + 1); });
  EXPECT_EQ(removed, 3);
  EXPECT_TRUE(page_of(served, 1, 0).reset);
  EXPECT_TRUE(page_of(served, 1, 2).reset);
  EXPECT_EQ(page_of(served, 1, 3).events.size(), 2U);
  EXPECT_FALSE(page_of(served, 1, 5).reset);
  EXPECT_TRUE(page_of(served, 1, 6).reset);  // a number of another database
}

TEST(Outbox, never_gives_a_number_twice_after_everything_was_removed) {
  ServedFolder served;
  Outbox const outbox(nullptr);
  happen(served, outbox, 1, 3);
  served.write([](Transaction& tx) -> Result<std::int64_t> { return prune_events(tx, morning_us + 8 * day_us); });
  EXPECT_FALSE(page_of(served, 1, 3).reset);
  EXPECT_TRUE(page_of(served, 1, 2).reset);
  happen(served, outbox, 1, 1, morning_us + 8 * day_us);
  EXPECT_EQ(page_of(served, 1, 3).events.at(0).sequence, 4);
}

RequestKey const key{"tok_1", "POST /v1/companies/1/bookings", "abc"};
StoredAnswer const answer{201, {{"ETag", "\"1\""}, {"Link", "a"}, {"Link", "b"}}, std::string("{\"id\":1}\0", 9)};

Repeat looked_up(ServedFolder& served, RequestKey const& request, std::string_view body, std::int64_t now_us) {
  return served.read([&](Transaction& tx) { return look_up_request(tx, request, sha256(body), now_us); });
}
void remember(ServedFolder& served, std::string_view body = "{}", std::int64_t now_us = morning_us) {
  served.write([&](Transaction& tx) -> Status {
    remember_answer(tx, key, sha256(body), answer, now_us);
    return ok();
  });
}

TEST(Idempotency, a_repeat_gets_the_same_answer_byte_for_byte) {
  ServedFolder served;
  EXPECT_TRUE(std::holds_alternative<FreshRequest>(looked_up(served, key, "{}", morning_us)));
  remember(served);
  Repeat const repeat = looked_up(served, key, "{}", morning_us + hour_us);
  ASSERT_TRUE(std::holds_alternative<StoredAnswer>(repeat));
  EXPECT_EQ(std::get<StoredAnswer>(repeat), answer);
}

TEST(Idempotency, the_same_key_with_another_body_is_no_repeat) {
  ServedFolder served;
  remember(served);
  EXPECT_TRUE(std::holds_alternative<MismatchedBody>(looked_up(served, key, "{ }", morning_us)));
}

TEST(Idempotency, a_key_belongs_to_its_token_and_endpoint) {
  ServedFolder served;
  remember(served);
  RequestKey other_token = key, other_endpoint = key;
  other_token.token = "tok_2";
  other_endpoint.endpoint = "POST /v1/companies/2/bookings";
  for (RequestKey const& other : {other_token, other_endpoint}) {
    EXPECT_TRUE(std::holds_alternative<FreshRequest>(looked_up(served, other, "{}", morning_us)));
  }
}

TEST(Idempotency, answers_are_kept_for_a_day) {
  ServedFolder served;
  remember(served);
  EXPECT_TRUE(std::holds_alternative<StoredAnswer>(looked_up(served, key, "{}", morning_us + day_us - 1)));
  EXPECT_TRUE(std::holds_alternative<FreshRequest>(looked_up(served, key, "{}", morning_us + day_us)));
  remember(served, "other", morning_us + day_us);  // the old one does not stand in the way
  EXPECT_TRUE(std::holds_alternative<StoredAnswer>(looked_up(served, key, "other", morning_us + day_us)));
  EXPECT_EQ(
      served.write([](Transaction& tx) -> Result<std::int64_t> { return prune_answers(tx, morning_us + 2 * day_us); }),
      1);
  EXPECT_EQ(served.count("idempotency"), 0);
}

TEST(Idempotency, the_answer_goes_with_the_effect_or_not_at_all) {
  ServedFolder served;
  EXPECT_FALSE(served.database().write_and_wait([](Transaction& tx) -> Status {
    remember_answer(tx, key, sha256("{}"), answer, morning_us);
    return invalid("the effect failed");
  }));
  EXPECT_TRUE(std::holds_alternative<FreshRequest>(looked_up(served, key, "{}", morning_us)));
}

TEST(Idempotency, many_that_send_the_same_request_at_once_make_one_effect) {
  ServedFolder served;
  std::atomic<int> effects = 0;
  std::atomic<int> same = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < 6; ++c) {
    clients.emplace_back([&] {
      for (int request = 0; request < 20; ++request) {
        RequestKey mine = key;
        mine.key = fmt::format("{}", request);
        auto const got = served.database().write_and_wait([&](Transaction& tx) -> Result<StoredAnswer> {
          Result<Repeat> const repeat = look_up_request(tx, mine, sha256("{}"), morning_us);
          if (!repeat) return repeat.error();
          if (auto const* known = std::get_if<StoredAnswer>(&*repeat)) return *known;
          StoredAnswer fresh{201, {}, fmt::format("{}", effects++)};
          remember_answer(tx, mine, sha256("{}"), fresh, morning_us);
          return fresh;
        });
        auto const again = looked_up(served, mine, "{}", morning_us);
        if (got && std::get<StoredAnswer>(again) == *got) ++same;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(effects, 20);
  EXPECT_EQ(same, 120);
}

}  // namespace
}  // namespace regulus::store
