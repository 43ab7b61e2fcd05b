// What the model suggests and people decide about, once and in time.
//
//   open ──> accepted | rejected | expired | withdrawn
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/fleet.h"
#include "store/ids.h"
#include "store/rows.h"
#include "store/sqlite.h"

namespace regulus::store {

enum class SuggestionStatus : std::uint8_t { open, accepted, rejected, expired, withdrawn };
constexpr std::array<std::string_view, 5> enum_names(SuggestionStatus) {
  return {"open", "accepted", "rejected", "expired", "withdrawn"};
}

struct Suggestion {
  std::string id{};  // "sug_01J…"
  std::int64_t company = 0;
  BookingId booking = 0;
  DriverId driver = 0;
  std::string decision{};  // that it comes from
  SuggestionStatus status = SuggestionStatus::open;
  std::optional<std::string> reason{};      // of whoever decided
  std::optional<std::string> decided_by{};  // a token's id or a user's
  std::int64_t created_us = 0;
  std::int64_t expires_us = 0;  // open until this moment
  std::int64_t version = 1;
  friend bool operator==(Suggestion const&, Suggestion const&) = default;
};

// Writes company, booking, driver, decision and expires_us; it is open. Errors: not_found.
Result<Suggestion> add_suggestion(Transaction& tx, Suggestion suggestion, std::int64_t now_us, Entropy const& entropy);
Result<Suggestion> load_suggestion(Transaction& tx, std::int64_t company, std::string const& id);

struct Verdict {
  std::int64_t company = 0;
  std::string id{};
  SuggestionStatus status = SuggestionStatus::accepted;  // anything but open
  std::string by{};
  std::optional<std::string> reason{};
};
// Errors: not_found; conflict when it is not open any more, its time is over (unless it is to expire), or of another
// version.
Result<Suggestion> close_suggestion(Transaction& tx, Verdict const& verdict,
                                    std::optional<std::int64_t> expected_version, std::int64_t now_us);
// Closes those whose time is over, at most `limit`, and returns them.
std::vector<Suggestion> expire_suggestions(Transaction& tx, std::int64_t now_us, int limit);
// Of one booking, oldest first.
std::vector<Suggestion> suggestions_of(Transaction& tx, std::int64_t company, BookingId booking);
// By (created_us, id).
std::vector<Suggestion> list_suggestions(Transaction& tx, std::int64_t company, Cursor<std::string> const& after,
                                         int limit);

}  // namespace regulus::store
