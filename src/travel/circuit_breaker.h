// Stops asking a server that keeps failing, and finds out by single questions whether it is back.
//
// Closed: everybody may ask. After `limit` failures in a row it opens: nobody may, until `pause` has passed; then one
// probe may, and its outcome closes the breaker or opens it for another pause. The pattern is Nygard's (Release It!,
// 2007). Whoever was allowed must report what came of it.
//
// Thread-safe. The time is an argument.
#pragma once

#include <chrono>
#include <mutex>

namespace regulus::travel {

class CircuitBreaker {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  explicit CircuitBreaker(int limit = 3, std::chrono::milliseconds pause = std::chrono::seconds(5))
      : limit_(limit), pause_(pause) {}

  bool allows(Moment now) {
    std::lock_guard const lock(mutex_);
    if (failures_ < limit_) return true;
    if (probing_ || now < open_until_) return false;
    probing_ = true;
    return true;
  }
  void succeeded() {
    std::lock_guard const lock(mutex_);
    failures_ = 0;
    probing_ = false;
  }
  void failed(Moment now) {
    std::lock_guard const lock(mutex_);
    if (++failures_ < limit_) return;
    failures_ = limit_;
    probing_ = false;
    open_until_ = now + pause_;
  }

 private:
  std::mutex mutex_;
  int const limit_;
  std::chrono::milliseconds const pause_;
  int failures_ = 0;
  bool probing_ = false;
  Moment open_until_{};
};

}  // namespace regulus::travel
