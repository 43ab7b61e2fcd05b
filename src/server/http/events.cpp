#include "server/http/events.h"

#include "core/check.h"

namespace regulus::server {

std::string event_text(std::string_view id, std::string_view type, std::string_view data) {
  constexpr std::string_view breaks("\r\n\0", 3);
  REGULUS_CHECK(id.find_first_of(breaks) == std::string_view::npos);
  REGULUS_CHECK(type.find_first_of(breaks) == std::string_view::npos);
  std::string text;
  text.reserve(id.size() + type.size() + data.size() + 32);
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  text.append("event: ").append(type).append("\n");
  // A reader ends lines at CR LF, LF and CR alike.
  for (;;) {
    std::size_t const end = data.find_first_of("\r\n");
    text.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  text += '\n';
  return text;
}

// Wakes the connection if it does not know yet. The callback runs without the lock, so it may take at once.
void EventStream::wake_locked(std::unique_lock<std::mutex>& lock) {
  if (woken_ || !wake_) return;
  try {
    std::function<void()> const wake = wake_;
    woken_ = true;
    lock.unlock();
    wake();
  } catch (std::bad_alloc const&) {  // then the next event wakes it, or the heartbeat
    if (!lock.owns_lock()) lock.lock();
    woken_ = false;
  }
}

bool EventStream::push(std::string_view id, std::string_view type, std::string_view data) {
  std::string text = event_text(id, type, data);
  std::unique_lock lock(mutex_);
  if (!open_) return false;
  bool const fits = queued_ + text.size() <= limit_;
  if (!fits) {
    text = event_text("", "reset", "");
    open_ = false;
    queue_.clear();
    queued_ = 0;
  }
  std::size_t const size = text.size();
  queue_.push_back(std::move(text));
  queued_ += size;
  wake_locked(lock);
  return fits;
}

void EventStream::close() {
  std::unique_lock lock(mutex_);
  if (!open_) return;
  open_ = false;
  wake_locked(lock);
}

bool EventStream::goes_on() {
  if (!may_go_on_ || may_go_on_()) return true;
  close();
  return false;
}

bool EventStream::is_open() const {
  std::lock_guard const lock(mutex_);
  return open_;
}

std::size_t EventStream::queued() const {
  std::lock_guard const lock(mutex_);
  return queued_;
}

void EventStream::on_news(std::function<void()> wake) {
  std::unique_lock lock(mutex_);
  wake_ = std::move(wake);
  woken_ = false;
  if (!queue_.empty() || !open_) wake_locked(lock);
}

EventStream::Taken EventStream::take(std::size_t most) {
  std::lock_guard const lock(mutex_);
  Taken taken;
  while (!queue_.empty() && taken.text.size() < most) {
    queued_ -= queue_.front().size();
    taken.text += queue_.front();
    queue_.pop_front();
  }
  taken.ended = queue_.empty() && !open_;
  woken_ = !queue_.empty();  // whoever has not taken everything comes back by himself
  return taken;
}

void EventStream::abandon() {
  std::lock_guard const lock(mutex_);
  open_ = false;
  wake_ = nullptr;
  queue_.clear();
  queued_ = 0;
}

}  // namespace regulus::server
