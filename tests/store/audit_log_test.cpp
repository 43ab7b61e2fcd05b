#include "store/audit_log.h"

#include <rapidcheck/gtest.h>

#include "tests/store/serving.h"

namespace regulus::store {
namespace {

AuditEntry entry_of(std::int64_t i) {
  return {.company = i % 3 == 0 ? std::nullopt : std::optional<std::int64_t>(i % 3),
          .actor = "tok_1",
          .action = "rl.mode_changed",
          .object = fmt::format("company/{}", i % 3),
          .before = i == 0 ? Json() : Json::object({{"mode", "off"}, {"threshold", 0.1 * static_cast<double>(i)}}),
          .after = Json::object({{"mode", "shadow"}, {"list", Json::array_of(std::vector<int>{1, 2})}}),
          .reason = "trial \"week\" é",
          .request_id = fmt::format("req_{}", i),
          .at = morning_us - i};
}

void fill(ServedFolder& served, int rows) {
  served.write([&](Transaction& tx) -> Status {
    for (int i = 0; i < rows; ++i) append_audit(tx, entry_of(i));
    return ok();
  });
}
AuditVerdict verdict_of(ServedFolder& served, std::optional<AuditHead> const& known = std::nullopt) {
  return served.read([&](Transaction& tx) -> Result<AuditVerdict> { return verify_audit(tx, known); });
}

TEST(AuditLog, canonical_json_sorts_keys_on_every_level) {
  AuditEntry entry;
  entry.company = 7;
  entry.actor = "tok_1";
  entry.action = "a";
  entry.after = Json::object({{"b", 1}, {"a", Json::object({{"d", 0.5}, {"c", nullptr}})}});
  EXPECT_EQ(canonical_json(entry, 3),
            R"({"action":"a","actor":"tok_1","after":{"a":{"c":null,"d":0.5},"b":1},"at":0,"before":null,)"
            R"("company":7,"object":"","reason":"","request_id":"","sequence":3})");
}

TEST(AuditLog, a_rows_hash_is_that_of_the_one_before_and_its_own_text) {
  ServedFolder served;
  fill(served, 2);
  served.read([](Transaction& tx) -> Status {
    auto const rows = audit_rows(tx, {}, 0, 10);
    EXPECT_EQ(rows.size(), 2U);
    Digest const first = sha256(std::string(32, '\0') + canonical_json(entry_of(0), 1));
    EXPECT_EQ(rows[0].hash, first);
    EXPECT_EQ(rows[1].hash, sha256(std::string(bytes_of(first)) + canonical_json(entry_of(1), 2)));
    EXPECT_EQ(audit_head(tx), (AuditHead{2, rows[1].hash}));
    return ok();
  });
}

TEST(AuditLog, an_unbroken_chain_verifies_also_after_reopening) {
  ServedFolder served;
  EXPECT_EQ(verdict_of(served).head, AuditHead{});
  fill(served, 200);
  served.reopen();
  AuditVerdict const verdict = verdict_of(served);
  EXPECT_FALSE(verdict.first_broken) << verdict.problem;
  EXPECT_EQ(verdict.head.sequence, 200);
}

TEST(AuditLog, rows_read_back_as_written_and_by_company) {
  ServedFolder served;
  fill(served, 9);
  served.read([](Transaction& tx) -> Status {
    auto const rows = audit_rows(tx, {.company = 1}, 2, 10);  // sequence i + 1 holds entry i; company 1 are 1, 4, 7
    EXPECT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].sequence, 5);
    EXPECT_EQ(rows[0].entry.object, entry_of(4).object);
    EXPECT_EQ(canonical_json(rows[0].entry, 5), canonical_json(entry_of(4), 5));
    EXPECT_EQ(audit_rows(tx, {}, 0, 4).size(), 4U);
    return ok();
  });
}

// Whatever column of whatever row is changed afterwards, verify names that row.
TEST(AuditLog, any_changed_column_of_any_row_is_found) {
  ServedFolder served;
  fill(served, 6);
  char const* const changes[] = {"company = 9",      "at = at + 1",     "actor = 'tok_2'",     "action = 'b'",
                                 "object = 'other'", "before = '{}'",   "after = 'null'",      "after = 'no json'",
                                 "reason = ''",      "request_id = ''", "hash = zeroblob(32)", "hash = zeroblob(31)"};
  for (std::int64_t row = 1; row <= 6; ++row) {
    for (char const* change : changes) {
      auto const found = served.database().write_and_wait([&](Transaction& tx) -> Status {
        EXPECT_EQ(tx.run(fmt::format("UPDATE audit SET {} WHERE sequence = ?", change), {row}), 1);
        AuditVerdict const verdict = verify_audit(tx);
        EXPECT_EQ(verdict.first_broken, row) << change;
        EXPECT_FALSE(verdict.problem.empty());
        return invalid("roll back");
      });
      EXPECT_FALSE(found);
    }
  }
  EXPECT_FALSE(verdict_of(served).first_broken);
}

TEST(AuditLog, a_missing_row_is_found_and_a_missing_end_by_its_known_head) {
  ServedFolder served;
  fill(served, 6);
  AuditHead const head = verdict_of(served).head;
  auto const after_deleting = [&](std::int64_t sequence) {
    AuditVerdict verdict;
    static_cast<void>(served.database().write_and_wait([&](Transaction& tx) -> Status {
      tx.run("DELETE FROM audit WHERE sequence = ?", {sequence});
      verdict = verify_audit(tx, head);
      return invalid("roll back");
    }));
    return verdict.first_broken;
  };
  for (std::int64_t sequence = 1; sequence <= 6; ++sequence) EXPECT_EQ(after_deleting(sequence), sequence);
  EXPECT_FALSE(verdict_of(served, head).first_broken);
  AuditHead forged = head;
  forged.hash[0] ^= 1;
  EXPECT_EQ(verdict_of(served, forged).first_broken, 6);
}

TEST(AuditLog, a_change_that_is_rolled_back_leaves_no_row) {
  ServedFolder served;
  EXPECT_FALSE(served.database().write_and_wait([](Transaction& tx) -> Status {
    append_audit(tx, entry_of(0));
    return invalid("no");
  }));
  EXPECT_EQ(served.count("audit"), 0);
}

}  // namespace
}  // namespace regulus::store
