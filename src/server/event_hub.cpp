#include "server/event_hub.h"

#include <map>
#include <string>

#include "store/outbox.h"

namespace regulus::server {

namespace {
constexpr int page = 200;
}

std::shared_ptr<EventStream> EventHub::told(std::shared_ptr<EventStream> stream) {
  EventStream* const plain = stream.get();
  return {plain, [stream = std::move(stream)](EventStream*) { stream->close(); }};
}

// False when the listener is to be forgotten. Whoever cannot be told for want of memory comes back for what he missed.
bool EventHub::bring(store::Database& database, Listener& listener) {
  try {
    return bring_all(database, listener);
  } catch (std::bad_alloc const&) {
    return false;
  }
}

bool EventHub::bring_all(store::Database& database, Listener& listener) {
  while (true) {
    store::EventPage events;
    bool is_welcome = true;
    Status const read = database.read([&](store::Transaction& tx) {
      is_welcome = listener.is_welcome(tx);
      if (is_welcome) events = store::events_after(tx, listener.company, listener.last, page);
      return ok();
    });
    if (!read) return listener.stream->is_open();  // the next commit tries again
    if (!is_welcome) return false;
    if (events.reset) {
      listener.last = events.last;
      return listener.stream->push(std::to_string(events.last), "reset", "{}");
    }
    for (store::Event const& event : events.events) {
      if (!listener.stream->push(std::to_string(event.sequence), event.type, event.data.dump())) return false;
      listener.last = event.sequence;
    }
    if (events.events.size() < page) return listener.stream->is_open();
  }
}

void EventHub::listen(store::Database& database, Listener listener) {
  std::unique_lock const lock(mutex_);
  // Counted before the table is read: whoever commits after that reading finds somebody to deliver to.
  count_ = listeners_.size() + 1;
  try {
    listeners_.push_back(std::move(listener));
    if (!bring(database, listeners_.back())) listeners_.pop_back();
  } catch (std::bad_alloc const&) {  // the stream ends with the listener
  }
  count_ = listeners_.size();
}

void EventHub::deliver(store::Database& database, std::int64_t company) {
  std::unique_lock const lock(mutex_);
  std::erase_if(listeners_, [&](Listener& listener) {
    if (listener.company != company) return !listener.stream->is_open();
    return !bring(database, listener);
  });
  count_ = listeners_.size();
}

void EventHub::deliver_all(store::Database& database) {
  std::map<std::int64_t, std::int64_t> newest;
  Status const read = database.read([&](store::Transaction& tx) {
    newest = store::newest_events(tx);
    return ok();
  });
  if (!read) return;  // the next time tries again
  std::unique_lock const lock(mutex_);
  std::erase_if(listeners_, [&](Listener& listener) {
    auto const found = newest.find(listener.company);
    bool const is_behind = found != newest.end() && found->second > listener.last;
    return is_behind ? !bring(database, listener) : !listener.stream->is_open();
  });
  count_ = listeners_.size();
}

}  // namespace regulus::server
