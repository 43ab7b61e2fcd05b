#include "server/http/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"

namespace regulus::server {

namespace {
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t most_tokens = 1'000'000;

// Whole seconds, rounded up, at least 1: whoever comes back then does not come too early.
std::int64_t seconds_of(std::int64_t ns) { return std::max<std::int64_t>(1, (ns + second_ns - 1) / second_ns); }
}  // namespace

std::int64_t RateLimit::Answer::retry_after_s() const { return seconds_of(retry_after_ns); }

std::string RateLimit::Answer::field() const {
  return fmt::format("\"default\";r={};t={}", remaining, allowed ? seconds_of(full_after_ns) : retry_after_s());
}

RateLimit::RateLimit(Options const& options) : options_(options), token_ns_(second_ns / options.per_second) {
  REGULUS_CHECK(options.burst >= 1 && options.burst <= most_tokens);
  REGULUS_CHECK(options.per_second >= 1 && options.per_second <= most_tokens);
  REGULUS_CHECK(options.most_keys >= 1);
  policy_field_ = fmt::format("\"default\";q={};w={}", options.burst, seconds_of(options.burst * token_ns_));
}

std::size_t RateLimit::keys() const {
  std::lock_guard const lock(mutex_);
  return full_at_.size();
}

void RateLimit::set_full_at(FullAt::iterator bucket, std::int64_t full_at_ns) {
  // The node is used again, so that this needs no memory and the two never say different things.
  auto node = by_time_.extract({bucket->second, bucket->first});
  bucket->second = full_at_ns;
  node.value().first = full_at_ns;
  by_time_.insert(std::move(node));
}

RateLimit::FullAt::iterator RateLimit::bucket_of(std::string_view key) {
  auto const known = full_at_.find(key);
  if (known != full_at_.end()) return known;
  if (full_at_.size() >= options_.most_keys) {
    auto const soonest = by_time_.begin();
    if (soonest->first > now_ns_) return full_at_.end();
    auto const forgotten = full_at_.find(soonest->second);
    by_time_.erase(soonest);
    full_at_.erase(forgotten);
  }
  auto const made = full_at_.emplace(key, now_ns_).first;
  try {
    by_time_.emplace(now_ns_, made->first);
  } catch (std::bad_alloc const&) {
    full_at_.erase(made);
    throw;
  }
  return made;
}

bool RateLimit::is_empty(std::string_view key, std::int64_t now_ns) const {
  std::lock_guard const lock(mutex_);
  std::int64_t const now = std::max(now_ns_, now_ns);
  auto const bucket = full_at_.find(key);
  bool const has_room = full_at_.size() < options_.most_keys || by_time_.begin()->first <= now;
  bool const is_newcomer = bucket == full_at_.end() && !has_room;
  if (bucket == full_at_.end() && !is_newcomer) return false;
  std::int64_t const full_at = std::max(is_newcomer ? newcomers_full_at_ : bucket->second, now);
  return full_at + token_ns_ - now > options_.burst * token_ns_;
}

RateLimit::Answer RateLimit::take(std::string_view key, std::int64_t now_ns) {
  std::lock_guard const lock(mutex_);
  now_ns_ = std::max(now_ns_, now_ns);
  auto const bucket = bucket_of(key);
  bool const is_newcomer = bucket == full_at_.end();
  std::int64_t const full_at = std::max(is_newcomer ? newcomers_full_at_ : bucket->second, now_ns_);
  // With one token less the bucket is full one token's time later, and it is empty when that is `whole_ns` away.
  std::int64_t const whole_ns = options_.burst * token_ns_;
  std::int64_t const after = full_at + token_ns_;
  if (after - now_ns_ > whole_ns) {
    return {.allowed = false,
            .remaining = 0,
            .retry_after_ns = after - now_ns_ - whole_ns,
            .full_after_ns = full_at - now_ns_};
  }
  if (is_newcomer) {
    newcomers_full_at_ = after;
  } else {
    set_full_at(bucket, after);
  }
  return {.allowed = true,
          .remaining = (whole_ns - (after - now_ns_)) / token_ns_,
          .retry_after_ns = 0,
          .full_after_ns = after - now_ns_};
}

}  // namespace regulus::server
