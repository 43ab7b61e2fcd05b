#include "server/pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace regulus::server {

Pool::Pool(int threads, std::size_t longest_queue, int niceness) : longest_queue_(longest_queue) {
  for (int k = 0; k < threads; ++k) {
    threads_.emplace_back([this, niceness] {
      // Of this thread alone, as Linux has it. Where it is refused all are equal.
      if (niceness > 0) static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness));
      work();
    });
  }
}

Pool::~Pool() { stop(); }

void Pool::stop() {
  {
    std::unique_lock const lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Pool::run(std::function<void()> task) {
  {
    std::unique_lock const lock(mutex_);
    if (stopping_ || queue_.size() >= longest_queue_) return false;
    queue_.push_back(std::move(task));
  }
  arrived_.notify_one();
  return true;
}

std::size_t Pool::queue_length() const {
  std::unique_lock const lock(mutex_);
  return queue_.size();
}

bool Pool::is_stopping() const {
  std::unique_lock const lock(mutex_);
  return stopping_;
}

void Pool::work() {
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    // A task that memory runs out in ends with it; whoever waits for it is told by what it lets go of.
    try {
      task();
    } catch (std::exception const&) {
    }
  }
}

}  // namespace regulus::server
