// Who listens to which company's events, and bringing him what is new.
//
// Events are rows of the outbox, numbered per company in the transaction of the change they tell of. A listener has the
// number of the last one he got, from Last-Event-ID or from the hub; whatever is newer is read from the table and
// pushed. So nothing is missed or told twice, however often he comes and goes, and the writer never waits for anybody.
// Whoever is not welcome any more is told nothing: the stream ends, in the very view that would have had news for him.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "server/http/events.h"
#include "store/database.h"

namespace regulus::server {

class EventHub {
 public:
  struct Listener {
    std::int64_t company = 0;
    std::int64_t last = 0;
    std::function<bool(store::Transaction&)> is_welcome;
    std::shared_ptr<EventStream> stream;
  };
  // What a listener's stream is held by: it ends once nobody is left who could tell it anything, for whatever reason.
  static std::shared_ptr<EventStream> told(std::shared_ptr<EventStream> stream);
  // From the event after `last` on. A number that is too old or not known gets the event "reset" first.
  void listen(store::Database& database, Listener listener);
  // Something was committed for this company: brings every listener up to date. Reads the database.
  void deliver(store::Database& database, std::int64_t company);
  // The same for whichever companies have news, for changes that another process made.
  void deliver_all(store::Database& database);
  // Waits for nobody: it is asked by those who hold a reader of the database, for which the others may be waiting.
  std::size_t listeners() const { return count_.load(); }

 private:
  static bool bring(store::Database& database, Listener& listener);
  static bool bring_all(store::Database& database, Listener& listener);

  std::mutex mutex_;
  std::vector<Listener> listeners_;
  std::atomic<std::size_t> count_{0};  // of listeners_, with the one that is about to be added
};

}  // namespace regulus::server
