// How often one caller may ask: a token bucket for each key, in bounded memory.
//
// A bucket holds `burst` tokens and gains `per_second`; each request takes one. Written as the generic cell rate
// algorithm (ITU-T I.371, annex A): instead of a level and the time it was true, one moment for each key, at which its
// bucket will be full again. Integers only, so a limit is exact after a year.
//
// A bucket that is full says nothing, so it is forgotten first. If none is full and there is no room, a newcomer shares
// one bucket with all other newcomers: whoever invents keys exhausts that one, not our memory, and cannot have his
// own debts forgotten by inventing more.
//
// What is left is told in the fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers).
//
// Limits for those who have not shown who they are come from another, smaller instance. Time is the caller's, monotonic
// and in nanoseconds; a moment before an earlier one counts as that one. Safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace regulus::server {

class RateLimit {
 public:
  struct Options {
    std::int64_t burst = 60;       // tokens, 1 to 1,000,000
    std::int64_t per_second = 10;  // tokens, 1 to 1,000,000
    std::size_t most_keys = 10'000;
  };
  struct Answer {
    bool allowed = false;
    std::int64_t remaining = 0;       // whole tokens left
    std::int64_t retry_after_ns = 0;  // until one is there again; 0 if allowed
    std::int64_t full_after_ns = 0;   // until all of them are
    // As Retry-After writes it: whole seconds, rounded up, at least 1.
    std::int64_t retry_after_s() const;
    // As RateLimit writes it: "default";r=<tokens left>;t=<seconds>, rounded up, until all are there again; or, for who
    // was refused, the seconds of Retry-After.
    std::string field() const;
  };

  // Options out of range are a mistake of ours.
  explicit RateLimit(Options const& options);

  // Takes a token from the bucket of `key` if there is one.
  Answer take(std::string_view key, std::int64_t now_ns);

  // Whether take() would refuse; takes nothing.
  bool is_empty(std::string_view key, std::int64_t now_ns) const;

  std::size_t keys() const;
  // As RateLimit-Policy writes it: "default";q=<burst>;w=<seconds>, rounded up, in which an empty bucket fills.
  std::string const& policy_field() const { return policy_field_; }

 private:
  using FullAt = std::map<std::string, std::int64_t, std::less<>>;  // map: its keys stay where they are

  void set_full_at(FullAt::iterator bucket, std::int64_t full_at_ns);
  // The bucket of a key, made if there is room; the end if there is none.
  FullAt::iterator bucket_of(std::string_view key);

  Options options_;
  std::int64_t token_ns_;  // how long one token takes to come
  std::string policy_field_;
  mutable std::mutex mutex_;
  std::int64_t now_ns_ = 0;
  FullAt full_at_;
  std::set<std::pair<std::int64_t, std::string_view>> by_time_;  // the same, soonest first
  std::int64_t newcomers_full_at_ = 0;
};

}  // namespace regulus::server
