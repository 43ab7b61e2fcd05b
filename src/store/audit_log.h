// Who changed what, when and why, in a chain that shows when somebody changed it afterwards.
//
// Each row's hash is SHA-256(hash of the row before ‖ the row as canonical JSON), and it is written in the transaction
// of the change itself: no change without a row, no row without its change. Whoever rewrites a row must rewrite all
// later ones, and is found out by any head that was printed or exported before. The order is that of the numbers, 1, 2,
// 3, … without a gap; times may go back, since clocks do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "store/hash.h"
#include "store/sqlite.h"

namespace regulus::store {

struct AuditEntry {
  std::optional<std::int64_t> company{};  // none: it concerns the whole installation
  std::string actor{};                    // a token's id or a user's; never a secret
  std::string action{};                   // "token.create", "rl.mode_changed"
  std::string object{};                   // what was changed: "company/7", "tok_01J…"
  Json before{};                          // null: there was nothing
  Json after{};                           // null: there is nothing any more
  std::string reason{};
  std::string request_id{};
  std::int64_t at = 0;
  friend bool operator==(AuditEntry const&, AuditEntry const&) = default;
};

struct AuditHead {
  std::int64_t sequence = 0;  // 0: nothing was written yet
  Digest hash{};              // of the last row; zeros before the first
  friend bool operator==(AuditHead const&, AuditHead const&) = default;
};

struct AuditRow {
  std::int64_t sequence = 0;
  AuditEntry entry;
  Digest hash{};
};

struct AuditVerdict {
  AuditHead head;                              // of the part that is whole
  std::optional<std::int64_t> first_broken{};  // the number of the first row that does not follow from the ones before
  std::string problem{};                       // what is wrong with it; empty when nothing is
};

// Which rows are wanted; what is not given does not restrict.
struct AuditFilter {
  std::optional<std::int64_t> company{};
  std::optional<std::string> actor{}, action{}, object{};  // exactly these
  std::optional<std::int64_t> since{};                     // at this time or later
  std::optional<std::int64_t> until{};                     // before this time
};

// The entry with `sequence` as one line of JSON: keys sorted on every level, no spaces, reals with the fewest digits.
std::string canonical_json(AuditEntry const& entry, std::int64_t sequence);

// Adds a row and returns the new head. Fails the transaction when it cannot.
AuditHead append_audit(Transaction& tx, AuditEntry const& entry);

AuditHead audit_head(Transaction& tx);

// Recomputes the whole chain. A head that was written down earlier, when given, must be found in it: that is how a
// missing end shows.
AuditVerdict verify_audit(Transaction& tx, std::optional<AuditHead> const& known = std::nullopt);

// Rows after a number, oldest first, at most `limit`. Looks at every row on the way to them: clocks go back, so times
// say nothing about where to begin.
std::vector<AuditRow> audit_rows(Transaction& tx, AuditFilter const& filter, std::int64_t after, int limit);

}  // namespace regulus::store
