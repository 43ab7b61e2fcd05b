// What Prometheus scrapes of a whole server, and the daily look at its database.
#include "server/metrics.h"

#include <fstream>

#include "store/audit_log.h"
#include "tests/server/loopback_client.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

std::string scraped(ServerUnderTest& test) { return test.get("/metrics", "").body; }

bool says(std::string const& text, std::string const& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, a_value_that_is_set_replaces_the_last_one) {
  Metrics metrics;
  metrics.set("companies", "", 3);
  metrics.set("companies", "", 1);
  EXPECT_EQ(metrics.text(), "companies 1\n");
}

TEST(Metrics, what_an_alert_counts_is_there_before_it_happens) {
  ServerUnderTest test;
  std::string const text = scraped(test);
  for (std::string_view const reason : fallback_reasons) {
    EXPECT_TRUE(says(text, fmt::format("dispatch_fallback_total{{reason=\"{}\"}} 0", reason))) << text;
  }
  for (std::string_view const reason : {"bare_line_feed", "target_too_long", "head_timeout", "too_many_connections"}) {
    EXPECT_TRUE(says(text, fmt::format("dispatch_http_refused_total{{reason=\"{}\"}} 0", reason))) << text;
  }
  EXPECT_TRUE(says(text, "dispatch_companies_in_fallback 0"));
  EXPECT_TRUE(says(text, "dispatch_decision_errors_total 0"));
  EXPECT_TRUE(says(text, "# TYPE process_cpu_seconds_total counter"));
  EXPECT_NE(text.find("\ndispatch_build_info{version=\""), std::string::npos);
}

TEST(Metrics, every_commit_is_timed) {
  ServerUnderTest test;
  auto const commits = [&] {
    std::string const text = scraped(test), name = "\ndispatch_db_commit_duration_seconds_count ";
    return std::stoi(text.substr(text.find(name) + name.size()));
  };
  int const before = commits();
  test.company(1);
  EXPECT_EQ(commits(), before + 1);
}

TEST(Metrics, what_the_door_refuses_is_counted_and_logged_with_its_id) {
  std::promise<std::string> logged;
  ServerUnderTest test([&](Server::Options& options) {
    options.log_refusal = [&](LoggedRefusal const& refusal) { logged.set_value(refusal.line().dump()); };
  });
  ASSERT_TRUE(test.server().listen());
  Client client(test.server().port());
  client.send("GET / HTTP/1.1\nHost: h\n\n");
  std::string const id = client.read_answer().header("X-Request-Id");
  EXPECT_EQ(logged.get_future().get(),
            R"({"at":"2026-03-02T08:00:00Z","request":")" + id + R"(","refused":"bare_line_feed","status":400})");
  EXPECT_TRUE(says(scraped(test), "dispatch_http_refused_total{reason=\"bare_line_feed\"} 1"));
  EXPECT_TRUE(says(scraped(test), "dispatch_http_refused_total{reason=\"missing_host\"} 0"));
}

TEST(Metrics, a_flood_of_refusals_is_counted_whole_and_logged_in_part) {
  std::vector<std::string> lines;
  ServerUnderTest test([&](Server::Options& options) {
    options.refusals = {.burst = 3, .per_second = 1};
    options.log_refusal = [&](LoggedRefusal const& refusal) { lines.push_back(refusal.line().dump()); };
  });
  auto const refuse = [&](int times) {
    for (int i = 0; i < times; ++i) {
      test.server().note({.why = Refusal::head_timeout, .status = 408, .request_id = "req_1"});
    }
  };
  refuse(1'000);
  EXPECT_TRUE(says(scraped(test), "dispatch_http_refused_total{reason=\"head_timeout\"} 1000"));
  EXPECT_EQ(lines.size(), 3U);
  // A second later there is room for one line, which says how many had none.
  test.advance(one_second);
  refuse(2);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines.back(), R"({"at":"2026-03-02T08:00:01Z","request":"req_1","refused":"head_timeout","status":408,)"
                          R"("unlogged":997})");
}

TEST(Metrics, a_company_that_fell_back_is_counted_until_somebody_switches_again) {
  ServerUnderTest test;
  test.company(1);
  std::string const model = test.model();
  test.write([&](store::Transaction& tx) {
    auto const on = store::set_mode(tx, {.company = 1, .mode = store::Mode::on, .model_id = model}, {}, test.now());
    return on ? store::set_fallback(tx, 1, "late", test.now()) : on;
  });
  ASSERT_TRUE(test.server().tidy());
  EXPECT_TRUE(says(scraped(test), "dispatch_companies_in_fallback 1"));
  test.write([&](store::Transaction& tx) { return store::set_mode(tx, {.company = 1}, {}, test.now()); });
  ASSERT_TRUE(test.server().tidy());
  EXPECT_TRUE(says(scraped(test), "dispatch_companies_in_fallback 0"));
}

TEST(Examination, gives_the_head_of_the_trail_of_a_sound_database) {
  ServerUnderTest test;
  test.post("/api/v1/companies", test.administrator(),
            Json::object({{"id", 1}, {"name", "A"}, {"time_zone", "Europe/Zurich"}}));
  auto const head = test.server().examine();
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(*head, test.read([](store::Transaction& tx) { return Result<store::AuditHead>(store::audit_head(tx)); }));
  EXPECT_EQ(head->sequence, 1);
  EXPECT_TRUE(says(scraped(test), "dispatch_database_damaged 0"));
}

TEST(Examination, finds_pages_that_rotted_while_the_server_ran) {
  ServerUnderTest test;
  std::filesystem::path const file = test.folder() / "serve.db";
  auto const size = static_cast<std::streamoff>(std::filesystem::file_size(file));
  constexpr std::streamoff page = 4096;
  ASSERT_GT(size, 10 * page);
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  // Not the first, which every reader has in its memory.
  for (std::streamoff at = 2 * page; at < size; at += page) bytes.seekp(at + 100).put('\x55');
  bytes.close();
  auto const head = test.server().examine();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind, ErrorKind::corrupt) << head.error().message;
  EXPECT_TRUE(says(scraped(test), "dispatch_database_damaged 1"));
}

}  // namespace
}  // namespace regulus::server
