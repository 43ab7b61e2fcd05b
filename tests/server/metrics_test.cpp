// What Prometheus scrapes of a whole server, and the daily look at its database.
#include "server/metrics.h"

#include <fstream>

#include "store/audit_log.h"
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
