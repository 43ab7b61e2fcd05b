// A few threads for what takes longer than an answer may: decisions, imports, improvements in the background.
//
// Tasks run in the order in which they were handed in, each on the next free thread. The queue is bounded, because work
// that nobody waits for any more must not pile up: run() says no when it is full. What a task throws ends that task
// alone. Safe from any thread, tasks included.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace regulus::server {

class Pool {
 public:
  // `niceness`: how readily its threads give way to others, 0 to 19 (nice(2)); who only answers comes first.
  Pool(int threads, std::size_t longest_queue, int niceness = 0);
  Pool(Pool const&) = delete;
  Pool& operator=(Pool const&) = delete;
  ~Pool();  // stops
  // Finishes what runs, drops what waits, and says no to whatever comes later. From outside the pool.
  void stop();

  bool run(std::function<void()> task);
  std::size_t queue_length() const;
  // For a task that takes long: it is waited for.
  bool is_stopping() const;

 private:
  void work();

  std::size_t const longest_queue_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace regulus::server
