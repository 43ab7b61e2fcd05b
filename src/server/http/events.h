// A stream of server-sent events (WHATWG HTML §9.2), between whoever has news and one connection.
//
// A handler puts an EventStream into its Response and keeps a pointer. Anybody may push, from any thread, and never
// waits: an event is formatted and queued, the connection is woken and writes at its own pace. A reader who is too slow
// loses the stream and not us: once more than `most_queued` bytes wait, all of them are dropped, an event "reset" takes
// their place and the stream ends. The client then connects again and fetches what it missed by Last-Event-ID or from
// the start. The stream also ends when the client goes, which push tells, and when at a heartbeat whoever opened it may
// not listen any more.
//
// The connection side (take, on_news) belongs to connection.cpp; only one connection may have a stream.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace regulus::server {

class EventStream {
 public:
  static constexpr std::size_t most_queued = 1 << 20;  // bytes

  // `may_go_on` is asked at each heartbeat, in a thread of the listener. None: for ever.
  explicit EventStream(std::size_t limit = most_queued, std::function<bool()> may_go_on = {})
      : limit_(limit), may_go_on_(std::move(may_go_on)) {}
  EventStream(EventStream const&) = delete;
  EventStream& operator=(EventStream const&) = delete;

  // Queues one event; `data` may have several lines. False if the stream has ended, and the event goes nowhere: let go
  // of the stream then. `id` and `type` are ours and have no line breaks; an empty id is left out.
  bool push(std::string_view id, std::string_view type, std::string_view data);
  // Nothing more will come; what is queued is still sent.
  void close();
  bool is_open() const;
  // Bytes that wait for the connection to take them.
  std::size_t queued() const;

  // For the connection, at each heartbeat: false when the stream has ended because its reader may not go on.
  bool goes_on();
  // For the connection: called from any thread, at most once for each take, when there is something to take.
  void on_news(std::function<void()> wake);
  struct Taken {
    std::string text;    // whole events, of which the last may go beyond `most` bytes
    bool ended = false;  // and nothing will follow
  };
  Taken take(std::size_t most);
  // For the connection: the client has gone, so nothing needs to be sent any more.
  void abandon();

 private:
  void wake_locked(std::unique_lock<std::mutex>& lock);

  std::size_t const limit_;
  std::function<bool()> const may_go_on_;
  mutable std::mutex mutex_;
  std::deque<std::string> queue_;  // whole events: after a reset nobody may read the half of one
  std::size_t queued_ = 0;         // bytes in queue_
  bool open_ = true;
  bool woken_ = false;
  std::function<void()> wake_;
};

// One event as it is written: id, event, a data line for each line of data, an empty line.
std::string event_text(std::string_view id, std::string_view type, std::string_view data);

}  // namespace regulus::server
