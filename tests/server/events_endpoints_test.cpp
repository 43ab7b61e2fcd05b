#include <future>

#include "server/http/events.h"
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
  // What has come once `wanted` stands in it; waits for it as a connection does, without looking at a clock.
  static std::string read_until(std::shared_ptr<EventStream> const& stream, std::string const& wanted) {
    std::string text;
    while (text.find(wanted) == std::string::npos) {
      auto news = std::make_shared<std::promise<void>>();
      stream->on_news([news] { news->set_value(); });
      text += stream->take(1 << 20).text;
      if (text.find(wanted) != std::string::npos) break;
      news->get_future().wait();
    }
    return text;
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

}  // namespace
}  // namespace regulus::server
