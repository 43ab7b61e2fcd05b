#include "store/audit_log.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

class Audit : public ::testing::Test {
 protected:
  Audit() {
    for (std::int64_t const company : {1, 2}) test_.company(company);
  }
  // Rows 1, 2, 3, … of these companies; 0 is the whole installation.
  void write(std::vector<std::int64_t> const& companies) {
    test_.write([&](store::Transaction& tx) -> Status {
      for (std::int64_t const company : companies) {
        store::append_audit(tx, {.company = company == 0 ? std::optional<std::int64_t>() : company,
                                 .actor = "tok_x",
                                 .action = "test",
                                 .object = fmt::format("thing/{}", company),
                                 .before = {},
                                 .after = Json::object({{"b", 2}, {"a", 1.5}}),
                                 .reason = "«\u00A0because\u00A0»",
                                 .request_id = "req_1",
                                 .at = test_.now()});
      }
      return ok();
    });
  }
  std::vector<std::int64_t> numbers(Response const& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    std::vector<std::int64_t> found;
    Json const page = json_of(response);
    for (Json const& row : page.find("items")->as_array()) found.push_back(row.find("sequence")->as_integer());
    return found;
  }
  using Numbers = std::vector<std::int64_t>;

  ServerUnderTest test_;
};

TEST_F(Audit, a_token_sees_the_rows_of_its_companies) {
  write({0, 1, 2, 1, 0, 2});
  EXPECT_EQ(numbers(test_.get("/api/v1/audit", test_.administrator())), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(numbers(test_.get("/api/v1/audit?company=2", test_.administrator())), (Numbers{3, 6}));
  std::string const of_one = test_.token({"audit:read"}, Numbers{1});
  std::string const of_both = test_.token({"audit:read"}, Numbers{2, 1});
  EXPECT_EQ(numbers(test_.get("/api/v1/audit", of_one)), (Numbers{2, 4}));
  EXPECT_EQ(numbers(test_.get("/api/v1/audit?company=1", of_both)), (Numbers{2, 4}));
  EXPECT_EQ(numbers(test_.get("/api/v1/audit", of_both)), (Numbers{2, 3, 4, 6}));
  EXPECT_EQ(test_.get("/api/v1/audit?company=2", of_one).status, 404);
  EXPECT_EQ(test_.get("/api/v1/audit?company=3", test_.administrator()).status, 404);
}

// One change each by two tokens, to three things, an hour apart: numbers 1 to 6 at 8, 9, 10, 11, 12 and 13 o'clock.
class AuditFilters : public Audit {
 protected:
  AuditFilters() {
    struct Change {
      std::int64_t company;
      std::string actor, action, object;
    };
    for (Change const& c : {Change{1, "tok_a", "booking.create", "company/1/booking/1"},
                            {2, "tok_a", "booking.create", "company/2/booking/1"},
                            {1, "tok_b", "booking.cancel", "company/1/booking/1"},
                            {0, "tok_b", "token.create", "token/tok_c"},
                            {1, "tok_b", "booking.create", "company/1/booking/2"},
                            {2, "tok_b", "rl.mode", "company/2/rl"}}) {
      test_.write([&](store::Transaction& tx) -> Status {
        store::append_audit(tx, {.company = c.company == 0 ? std::optional<std::int64_t>() : c.company,
                                 .actor = c.actor,
                                 .action = c.action,
                                 .object = c.object,
                                 .at = test_.now()});
        return ok();
      });
      test_.advance(3'600 * one_second);
    }
  }
  Numbers of(std::string const& query, std::string const& secret) {
    return numbers(test_.get("/api/v1/audit?" + query, secret));
  }
  Numbers of(std::string const& query) { return of(query, test_.administrator()); }
};

TEST_F(AuditFilters, each_narrows_the_list) {
  EXPECT_EQ(of("company=1"), (Numbers{1, 3, 5}));
  EXPECT_EQ(of("actor=tok_b"), (Numbers{3, 4, 5, 6}));
  EXPECT_EQ(of("action=booking.create"), (Numbers{1, 2, 5}));
  EXPECT_EQ(of("object=company/1/booking/1"), (Numbers{1, 3}));
  EXPECT_EQ(of("since=2026-03-02T11:00:00Z"), (Numbers{4, 5, 6})) << "at this time or later";
  EXPECT_EQ(of("until=2026-03-02T11:00:00Z"), (Numbers{1, 2, 3})) << "before this time";
  EXPECT_EQ(of("since=2026-03-02T11:00:00%2B01:00&until=2026-03-02T10:00:00.000001Z"), (Numbers{3}));
  EXPECT_EQ(of("actor=tok_z"), Numbers{}) << "who did nothing";
}

TEST_F(AuditFilters, all_together_narrow_it_most) {
  EXPECT_EQ(of("company=1&actor=tok_b&action=booking.create"), (Numbers{5}));
  EXPECT_EQ(of("company=1&object=company/1/booking/1&since=2026-03-02T09:00:00Z"), (Numbers{3}));
  EXPECT_EQ(of("company=2&actor=tok_b&action=rl.mode&object=company/2/rl&since=2026-03-02T13:00:00Z"
               "&until=2026-03-02T13:00:01Z"),
            (Numbers{6}));
  EXPECT_EQ(of("company=2&actor=tok_a&action=rl.mode"), Numbers{});
}

TEST_F(AuditFilters, show_nothing_of_another_tenant) {
  std::string const of_one = test_.token({"audit:read"}, Numbers{1});
  EXPECT_EQ(of("actor=tok_b", of_one), (Numbers{3, 5}));
  EXPECT_EQ(of("action=booking.create", of_one), (Numbers{1, 5}));
  EXPECT_EQ(of("object=company/2/booking/1", of_one), Numbers{});
  EXPECT_EQ(of("object=token/tok_c", of_one), Numbers{}) << "the whole installation's";
  EXPECT_EQ(of("since=2026-03-02T08:00:00Z", of_one), (Numbers{1, 3, 5}));
  EXPECT_EQ(test_.get("/api/v1/audit?company=2&actor=tok_a", of_one).status, 404);
  EXPECT_EQ(of("actor=tok_b", test_.token({"audit:read"}, Numbers{2, 1})), (Numbers{3, 5, 6}));
}

TEST_F(AuditFilters, go_with_the_cursor) {
  Numbers all;
  int pages = 0;
  std::string next = "/api/v1/audit?limit=1&actor=tok_b&action=booking.create&since=2026-03-02T09:00:00%2B01:00";
  test_.write([&](store::Transaction& tx) -> Status {
    for (std::int64_t k = 0; k < 2; ++k) {
      store::append_audit(tx, {.company = 2, .actor = "tok_b", .action = "booking.create", .at = test_.now()});
    }
    return ok();
  });
  for (; !next.empty() && pages < 10; ++pages) {
    Response const page = test_.get(next, test_.administrator());
    for (std::int64_t const number : numbers(page)) all.push_back(number);
    next = text_at(json_of(page), "next");
  }
  EXPECT_EQ(all, (Numbers{5, 7, 8}));
  EXPECT_EQ(pages, 3);
}

TEST_F(AuditFilters, what_cannot_be_meant_is_named) {
  for (auto const& [query, named] : std::vector<std::pair<std::string, std::string>>{
           {"company=x", "company = x"},
           {"company=0", "company = 0"},
           {"company=1.0", "company = 1.0"},
           {"company=", "company = "},
           {"actor=", "actor = "},
           {"actor=" + std::string(201, 'a'), "actor = a"},
           {"action=", "action = "},
           {"action=Booking.Create", "action = Booking.Create"},
           {"action=a%20b", "action = a b"},
           {"object=", "object = "},
           {"object=" + std::string(201, 'a'), "object = a"},
           {"since=yesterday", "since = yesterday"},
           {"since=2026-03-02", "since = 2026-03-02"},
           {"since=", "since = "},
           {"until=2026-02-30T00:00:00Z", "until = 2026-02-30T00:00:00Z"},
           {"until=2026-03-02T08:00:00+01:00", "until = 2026-03-02T08:00:00 01:00"},
           {"since=2026-03-02T09:00:00Z&until=2026-03-02T09:00:00Z", "until = 2026-03-02T09:00:00Z"},
           {"actoor=tok_a", "actoor = tok_a"}}) {
    Response const response = test_.get("/api/v1/audit?" + query, test_.administrator());
    EXPECT_EQ(response.status, 422) << query << " " << response.body;
    EXPECT_NE(text_at(json_of(response), "detail").find(named), std::string::npos) << query << " " << response.body;
  }
  Response const absent = test_.get("/api/v1/audit?company=999", test_.administrator());
  EXPECT_EQ(absent.status, 404);
  EXPECT_NE(text_at(json_of(absent), "detail").find("999"), std::string::npos);
}

TEST_F(Audit, pages_follow_each_other_without_a_gap_or_a_repeat) {
  write({1, 2, 0, 1, 1, 2, 2, 1});
  std::string const of_both = test_.token({"audit:read"}, Numbers{1, 2});
  Numbers all;
  std::string next = "/api/v1/audit?limit=2";
  int pages = 0;
  for (; !next.empty() && pages < 10; ++pages) {
    Response const page = test_.get(next, of_both);
    for (std::int64_t const number : numbers(page)) all.push_back(number);
    next = text_at(json_of(page), "next");
  }
  EXPECT_EQ(all, (Numbers{1, 2, 4, 5, 6, 7, 8}));
  EXPECT_EQ(pages, 4);
}

TEST_F(Audit, an_export_can_be_checked_by_whoever_has_a_hash_function) {
  write({0, 1, 2, 0, 1});
  store::Digest before{};  // zeros before the first row
  std::string next = "/api/v1/audit/export?limit=2";
  int lines = 0, pages = 0;
  for (; !next.empty() && pages < 10; ++pages) {
    Response const page = test_.get(next, test_.administrator());
    ASSERT_EQ(page.status, 200) << page.body;
    EXPECT_EQ(page.content_type, "application/x-ndjson");
    std::string_view rest = page.body;
    while (!rest.empty()) {
      std::string const line(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(line.size() + 1);
      std::string const hash = text_at(*parse_json(line), "hash");
      std::string const opening = "{\"hash\":\"" + hash + "\",\"row\":";
      ASSERT_TRUE(line.starts_with(opening)) << line;
      std::string const row = line.substr(opening.size(), line.size() - opening.size() - 1);
      store::Digest const ours = store::sha256(store::bytes_of(before), row);
      EXPECT_EQ(store::hex_of(ours), hash);
      before = ours;
      ++lines;
    }
    std::string const link = header_of(page, "Link");
    next = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    EXPECT_TRUE(link.empty() || link.ends_with("; rel=\"next\"")) << link;
  }
  EXPECT_EQ(lines, 5);
  EXPECT_EQ(pages, 3);
}

TEST_F(Audit, a_whole_chain_is_found_whole_and_a_changed_row_is_named) {
  write({0, 1, 2});
  Json const whole = json_of(test_.get("/api/v1/audit/verify", test_.administrator()));
  EXPECT_EQ(*whole.find("intact"), Json(true));
  EXPECT_EQ(*whole.find("head")->find("sequence"), Json(3));
  std::string const head = fmt::format("?sequence=3&hash={}", text_at(*whole.find("head"), "hash"));
  EXPECT_EQ(*json_of(test_.get("/api/v1/audit/verify" + head, test_.administrator())).find("intact"), Json(true));
  test_.write([](store::Transaction& tx) -> Status {
    tx.run("DELETE FROM audit WHERE sequence = 3");
    return ok();
  });
  // A missing end shows only to who wrote it down.
  EXPECT_EQ(*json_of(test_.get("/api/v1/audit/verify", test_.administrator())).find("intact"), Json(true));
  Json const cut = json_of(test_.get("/api/v1/audit/verify" + head, test_.administrator()));
  EXPECT_EQ(*cut.find("intact"), Json(false));
  EXPECT_EQ(*cut.find("first_broken"), Json(3));
  test_.write([](store::Transaction& tx) -> Status {
    tx.run("UPDATE audit SET reason = 'another' WHERE sequence = 2");
    return ok();
  });
  Json const changed = json_of(test_.get("/api/v1/audit/verify", test_.administrator()));
  EXPECT_EQ(*changed.find("intact"), Json(false));
  EXPECT_EQ(*changed.find("first_broken"), Json(2));
}

TEST_F(Audit, the_chain_is_checked_for_who_is_for_all_companies) {
  EXPECT_EQ(test_.get("/api/v1/audit/verify", test_.token({"audit:read"}, Numbers{1})).status, 403);
  for (char const* query : {"?sequence=3", "?hash=00", "?sequence=x&hash=00", "?sequence=1&hash=zz"}) {
    EXPECT_EQ(test_.get(std::string("/api/v1/audit/verify") + query, test_.administrator()).status, 422) << query;
  }
}

}  // namespace
}  // namespace regulus::server
