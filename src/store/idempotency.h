// A request that is sent again has its effect once and gets its answer again.
//
// The client names the request with a key; the answer is kept under it for 24 hours, in the transaction of the effect
// itself: either both are there or neither. The same key with another body is a mistake of the client's, not a repeat.
// A key belongs to one token and one endpoint, so nobody meets another's answers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "store/hash.h"
#include "store/sqlite.h"

namespace regulus::store {

inline constexpr std::int64_t answers_kept_us = 24LL * 3'600 * 1'000'000;

struct RequestKey {
  std::string token{};     // the token's id, not its secret
  std::string endpoint{};  // method and path: "POST /v1/companies/7/bookings"
  std::string key{};       // the client's
};

struct StoredAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};  // bytes
  friend bool operator==(StoredAnswer const&, StoredAnswer const&) = default;
};

struct FreshRequest {};    // never seen, or too long ago: go ahead
struct MismatchedBody {};  // seen with another body: refuse
using Repeat = std::variant<FreshRequest, StoredAnswer, MismatchedBody>;

// Ask and remember in one writing transaction; in two, both of two requests at once may find themselves fresh.
Result<Repeat> look_up_request(Transaction& tx, RequestKey const& key, Digest const& body, std::int64_t now_us);
void remember_answer(Transaction& tx, RequestKey const& key, Digest const& body, StoredAnswer const& answer,
                     std::int64_t now_us);
// Removes answers that are too old; returns how many.
std::int64_t prune_answers(Transaction& tx, std::int64_t now_us);

}  // namespace regulus::store
