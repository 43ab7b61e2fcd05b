#include "server/pace.h"

#include <algorithm>
#include <thread>

namespace regulus::server {

namespace {

constexpr std::chrono::milliseconds slice{1};
constexpr std::chrono::milliseconds longest_rest{50};
constexpr int rests = 9;  // of the length of the work each

}  // namespace

bool Pace::rest() {
  auto const worked = Clock::now() - begun_;
  if (worked < slice) return false;
  if (server_.asked() != asked_) std::this_thread::sleep_for(std::min<Clock::duration>(rests * worked, longest_rest));
  asked_ = server_.asked();
  begun_ = Clock::now();
  return true;
}

}  // namespace regulus::server
