#include <future>
#include <semaphore>

#include "server/http/events.h"
#include "tests/server/loopback_client.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

class Events : public ::testing::Test {
 protected:
  Events() {
    for (std::int64_t const company : {1, 2}) test_.company(company);
  }
  void happen(std::int64_t company, std::string const& type) {
    test_.write([&](store::Transaction& tx) -> Status {
      test_.server().tell(tx, company, type, Json::object({{"n", 1}}), test_.now());
      return ok();
    });
  }
  std::shared_ptr<EventStream> follow(std::string const& query, Pairs headers = {}) {
    Response const response = test_.ask("GET", "/api/v1/companies/1/events" + query,
                                        {.token = test_.administrator(), .headers = std::move(headers)});
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_NE(response.events, nullptr);
    return response.events;
  }
  // What comes next; waits for it as a connection does, without looking at a clock.
  static EventStream::Taken next(std::shared_ptr<EventStream> const& stream) {
    auto const news = std::make_shared<std::counting_semaphore<>>(0);
    stream->on_news([news] { news->release(); });
    EventStream::Taken taken = stream->take(1 << 20);
    if (!taken.text.empty() || taken.ended) return taken;
    news->acquire();
    return stream->take(1 << 20);
  }
  // What has come once `wanted` stands in it.
  static std::string read_until(std::shared_ptr<EventStream> const& stream, std::string const& wanted) {
    std::string text;
    while (text.find(wanted) == std::string::npos) text += next(stream).text;
    return text;
  }
  // What comes before the end.
  static std::string read_all(std::shared_ptr<EventStream> const& stream) {
    std::string text;
    while (true) {
      EventStream::Taken const taken = next(stream);
      text += taken.text;
      if (taken.ended) return text;
    }
  }
  std::shared_ptr<EventStream> follow_with(std::string const& secret) {
    Response const response = test_.get("/api/v1/companies/1/events?after=0", secret);
    EXPECT_EQ(response.status, 200) << response.body;
    return response.events;
  }
  static std::string event(int number, std::string const& type) {
    return event_text(std::to_string(number), type, "{\"n\":1}");
  }

  ServerUnderTest test_;
};

TEST_F(Events, who_says_nothing_hears_what_comes_from_now_on) {
  happen(1, "old");
  auto const stream = follow("");
  happen(1, "new");
  EXPECT_EQ(read_until(stream, "new"), event(2, "new"));
}

TEST_F(Events, who_comes_back_gets_what_he_missed_and_nothing_twice) {
  for (char const* type : {"a", "b", "c"}) happen(1, type);
  auto const by_header = follow("", {{"last-event-id", "1"}});
  auto const by_query = follow("?after=1");
  happen(1, "d");
  std::string const wanted = event(2, "b") + event(3, "c") + event(4, "d");
  EXPECT_EQ(read_until(by_header, "event: d"), wanted);
  EXPECT_EQ(read_until(by_query, "event: d"), wanted);
}

TEST_F(Events, a_number_that_was_never_given_begins_with_a_reset) {
  happen(1, "a");
  auto const stream = follow("?after=99");
  EXPECT_NE(read_until(stream, "reset").find("event: reset"), std::string::npos);
}

TEST_F(Events, another_companys_events_are_not_heard) {
  auto const stream = follow("?after=0");
  happen(2, "theirs");
  happen(1, "ours");
  EXPECT_EQ(read_until(stream, "ours"), event(1, "ours"));
}

TEST_F(Events, what_is_no_number_is_refused) {
  for (char const* after : {"x", "-1", "1.0", "", "99999999999999999999"}) {
    Response const response =
        test_.get(std::string("/api/v1/companies/1/events?after=") + after, test_.administrator());
    EXPECT_EQ(response.status, 422) << after;
    EXPECT_EQ(response.events, nullptr);
  }
}

// Opening a stream reads what was missed, and a scrape counts the streams: neither may wait for the other while it
// holds what the other waits for.
TEST_F(Events, many_may_come_at_once) {
  happen(1, "a");
  std::vector<std::future<std::shared_ptr<EventStream>>> coming;
  for (int k = 0; k < 16; ++k) {
    coming.push_back(std::async(std::launch::async, [&] {
      test_.get("/metrics", "");
      return follow("?after=0");
    }));
  }
  for (auto& stream : coming) EXPECT_EQ(read_until(stream.get(), "event: a"), event(1, "a"));
}

TEST_F(Events, a_stream_ends_when_its_token_is_revoked) {
  store::IssuedToken const token = test_.issue({"events:read"});
  auto const stream = follow_with(token.secret);
  auto const other = follow_with(test_.administrator());
  happen(1, "before");
  EXPECT_EQ(read_until(stream, "before"), event(1, "before"));
  Response const revoked = test_.ask("DELETE", "/api/v1/tokens/" + token.token.id, {.token = test_.administrator()});
  ASSERT_EQ(revoked.status, 200) << revoked.body;
  happen(1, "after");
  EXPECT_EQ(read_all(stream), "") << "not even the event that came next";
  EXPECT_EQ(test_.get("/api/v1/companies/1/events?after=1", token.secret).status, 401);
  EXPECT_EQ(read_until(other, "event: after"), event(1, "before") + event(2, "after"));
}

TEST_F(Events, a_stream_ends_when_its_token_is_rotated_out) {
  store::IssuedToken const token = test_.issue({"events:read"});
  auto const stream = follow_with(token.secret);
  Response const rotated = test_.ask("POST", "/api/v1/tokens/" + token.token.id + "/rotate?overlap_seconds=60",
                                     {.token = test_.administrator()});
  ASSERT_EQ(rotated.status, 201) << rotated.body;
  happen(1, "meanwhile");
  EXPECT_EQ(read_until(stream, "meanwhile"), event(1, "meanwhile")) << "both are valid for a minute";
  test_.advance(60 * one_second);
  happen(1, "after");
  EXPECT_EQ(read_all(stream), "");
  EXPECT_EQ(test_.get("/api/v1/companies/1/events", token.secret).status, 401);
  EXPECT_EQ(read_until(follow_with(text_at(json_of(rotated), "secret")), "event: after"),
            event(1, "meanwhile") + event(2, "after"));
}

TEST_F(Events, a_stream_ends_when_its_token_expires) {
  store::IssuedToken const token = test_.issue({"events:read"}, {}, test_.now() + one_second);
  auto const stream = follow_with(token.secret);
  happen(1, "before");
  EXPECT_EQ(read_until(stream, "before"), event(1, "before"));
  test_.advance(one_second);
  happen(1, "after");
  EXPECT_EQ(read_all(stream), "");
}

TEST_F(Events, a_stream_that_was_asked_for_in_time_and_begins_too_late_says_nothing) {
  happen(1, "before");
  auto const stream = std::make_shared<EventStream>();
  test_.server().events().listen(test_.server().database(), {.company = 1,
                                                             .last = 0,
                                                             .is_welcome = [](store::Transaction&) { return false; },
                                                             .stream = EventHub::told(stream)});
  EXPECT_EQ(read_all(stream), "");
}

// Nothing happens, so only the heartbeat can notice.
TEST(EventsHeartbeat, ends_a_silent_stream_whose_token_is_revoked) {
  ServerUnderTest test([](Server::Options& options) {
    options.listener.port = 0;
    options.listener.heartbeat = std::chrono::milliseconds(1);
  });
  test.company(1);
  ASSERT_TRUE(test.server().listen());
  store::IssuedToken const token = test.issue({"events:read"});
  std::string const request =
      "GET /api/v1/companies/1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.secret + "\r\n\r\n";
  Client client(test.server().port());
  ASSERT_TRUE(client.send(request));
  ASSERT_EQ(client.read_answer().status, 200);
  client.read_until("retry: 3000\n\n");
  EXPECT_EQ(client.read_until("\n\n"), ":\n\n") << "a valid token's stream goes on";
  test.write([&](store::Transaction& tx) { return store::revoke_token(tx, token.token.id, test.now()); });
  std::string rest = client.read_all();
  for (auto at = rest.find(":\n\n"); at == 0; at = rest.find(":\n\n")) rest.erase(0, 3);
  EXPECT_EQ(rest, "") << "heartbeats, and then the end";
  Client again(test.server().port());
  ASSERT_TRUE(again.send(request));
  EXPECT_EQ(again.read_answer().status, 401);
}

}  // namespace
}  // namespace regulus::server
